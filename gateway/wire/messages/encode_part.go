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
		encodeSource(j, p.Media, imageType(p.Media))
		encodeCache(j, p.Cache)
		j.Close('}')
	case genai.File:
		encodeDocument(j, p)
	case genai.Call:
		j.Open("", '{')
		j.Text("type", "tool_use")
		j.Text("id", callID(p.Call.ID))
		j.Text("name", p.Call.Name)
		encodeInput(j, p.Call.Arguments)
		encodeCache(j, p.Cache)
		j.Close('}')
	case genai.Result:
		encodeResult(j, p)
	case genai.Thinking:
		encodeThinking(j, p)
	}
}

// encodeThinking writes no breakpoint: thinking can have none.
func encodeThinking(j *wire.JSON, p *genai.Part) {
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
	open := false
	for i := range p.Citations {
		if c := &p.Citations[i]; c.From == genai.Anthropic && c.Raw != nil {
			// Those of others lack what the API checks.
			if !open {
				j.Open("citations", '[')
				open = true
			}
			j.Raw("", c.Raw)
		}
	}
	if open {
		j.Close(']')
	}
	encodeCache(j, p.Cache)
	j.Close('}')
}

// encodeInput writes the arguments of a call, which must be an object here: what a model
// wrote that is none stands in one.
func encodeInput(j *wire.JSON, arguments string) {
	text := []byte(strings.TrimSpace(arguments))
	switch _, ok := jsonscan.Valid(text); {
	case len(text) == 0:
		j.Raw("input", []byte("{}"))
	case ok && text[0] == '{':
		j.Raw("input", text)
	default:
		j.Open("input", '{')
		j.Text("arguments", arguments)
		j.Close('}')
	}
}

func encodeResult(j *wire.JSON, p *genai.Part) {
	j.Open("", '{')
	j.Text("type", "tool_result")
	j.Text("tool_use_id", callID(p.Result.CallID))
	open := false
	for i := range p.Result.Parts {
		inner := &p.Result.Parts[i]
		if inner.Kind == genai.Text && !said(inner) {
			continue
		}
		if !open {
			j.Open("content", '[')
			open = true
		}
		encodePart(j, inner)
	}
	if open {
		j.Close(']')
	}
	if p.Result.Failed {
		j.Bool("is_error", true)
	}
	encodeCache(j, p.Cache)
	j.Close('}')
}

// callID is an id in the letters that the API takes. What is replaced is spelt out, so
// that two ids stay two.
func callID(id string) string {
	plain := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	for i := range len(id) {
		if plain(id[i]) {
			continue
		}
		const hex = "0123456789abcdef"
		b := append(make([]byte, 0, len(id)+8), id[:i]...)
		for ; i < len(id); i++ {
			if c := id[i]; plain(c) {
				b = append(b, c)
			} else {
				b = append(b, '_', hex[c>>4], hex[c&15])
			}
		}
		return string(b)
	}
	if id == "" {
		return "call_"
	}
	return id
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

// imageType is the type of an image, by how its data begins where nobody said.
func imageType(m *genai.Media) string {
	switch {
	case m.MIME == "image/jpg":
		return "image/jpeg"
	case m.MIME != "":
		return m.MIME
	case strings.HasPrefix(m.Data, "/9j/"):
		return "image/jpeg"
	case strings.HasPrefix(m.Data, "R0lGOD"):
		return "image/gif"
	case strings.HasPrefix(m.Data, "UklGR"):
		return "image/webp"
	}
	return "image/png"
}
