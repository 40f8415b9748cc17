package messages

import (
	"encoding/base64"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// encodePart writes a block of a request.
func encodePart(j *wire.JSON, p *genai.Part) {
	if p.Raw != nil && p.From == genai.Anthropic {
		raw := p.Raw
		if p.Cache != nil && p.Kind != genai.ServerTool && wire.Member(raw, jsonscan.Span{End: len(raw)}, "cache_control").Empty() {
			raw = append(append(append([]byte(nil), raw[:len(raw)-1]...), cacheMember(p.Cache)...), '}')
		}
		j.Raw("", raw)
		return
	}
	switch p.Kind {
	case genai.Text, genai.Refusal:
		encodeText(j, p, p.Text)
	case genai.Image:
		j.Open("", '{')
		j.Text("type", "image")
		encodeSource(j, p.Media, p.Media.ImageType())
		encodeCache(j, p.Cache)
		j.Close('}')
	case genai.File:
		encodeDocument(j, p)
	case genai.Call:
		j.Open("", '{')
		j.Text("type", "tool_use")
		j.Text("id", wire.CallID(p.Call.ID))
		j.Text("name", p.Call.Name)
		j.Arguments("input", p.Call.Arguments)
		encodeCache(j, p.Cache)
		j.Close('}')
	case genai.Result:
		encodeResult(j, p)
	case genai.Thinking:
		encodeThought(j, p)
	}
}

// encodeThought writes no breakpoint: thinking can have none.
func encodeThought(j *wire.JSON, p *genai.Part) {
	j.Open("", '{')
	if p.Proof != nil && p.Proof.Redacted != "" && p.Proof.From == genai.Anthropic {
		j.Text("type", "redacted_thinking")
		j.Text("data", p.Proof.Redacted)
	} else {
		j.Text("type", "thinking")
		j.Text("thinking", p.Text)
		j.Text("signature", signature(p.Proof))
	}
	j.Close('}')
}

func encodeText(j *wire.JSON, p *genai.Part, text string) {
	j.Open("", '{')
	j.Text("type", "text")
	j.Text("text", text)
	before := len(*j)
	j.Open("citations", '[')
	for i := range p.Citations {
		if c := &p.Citations[i]; checkable(c) {
			j.Raw("", c.Raw)
		}
	}
	j.Shut(before, ']')
	encodeCache(j, p.Cache)
	j.Close('}')
}

func encodeResult(j *wire.JSON, p *genai.Part) {
	j.Open("", '{')
	j.Text("type", "tool_result")
	j.Text("tool_use_id", wire.CallID(p.Result.CallID))
	before := len(*j)
	j.Open("content", '[')
	for i := range p.Result.Parts {
		if inner := &p.Result.Parts[i]; inner.Kind != genai.Text || strings.TrimSpace(inner.Text) != "" {
			encodePart(j, inner)
		}
	}
	j.Shut(before, ']')
	if p.Result.Failed {
		j.Bool("is_error", true)
	}
	encodeCache(j, p.Cache)
	j.Close('}')
}

func encodeDocument(j *wire.JSON, p *genai.Part) {
	m := p.Media
	j.Open("", '{')
	j.Text("type", "document")
	text, plain := m.Data, m.Plain
	if !plain && strings.HasPrefix(m.MIME, "text/") {
		if decoded, err := base64.StdEncoding.DecodeString(m.Data); err == nil {
			text, plain = string(decoded), true
		}
	}
	if plain && m.Data != "" {
		j.Open("source", '{')
		j.Text("type", "text")
		j.Text("media_type", "text/plain")
		j.Text("data", text)
		j.Close('}')
	} else {
		mime := m.MIME
		if mime == "" {
			mime = "application/pdf"
		}
		encodeSource(j, m, mime)
	}
	if m.Title != "" {
		j.Text("title", m.Title)
	} else {
		j.Some("title", m.Name)
	}
	j.Some("context", m.Context)
	if m.Cited {
		j.Open("citations", '{')
		j.Bool("enabled", true)
		j.Close('}')
	}
	encodeCache(j, p.Cache)
	j.Close('}')
}

func encodeSource(j *wire.JSON, m *genai.Media, mime string) {
	j.Open("source", '{')
	switch {
	case m.FileID != "":
		j.Text("type", "file")
		j.Text("file_id", m.FileID)
	case m.URL != "":
		j.Text("type", "url")
		j.Text("url", m.URL)
	default:
		j.Text("type", "base64")
		j.Text("media_type", mime)
		j.Text("data", m.Data)
	}
	j.Close('}')
}
