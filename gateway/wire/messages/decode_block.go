package messages

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// content reads a text, or a list of blocks.
func (d *reader) content(at jsonscan.Span, field place) []genai.Part {
	switch d.text[at.Start] {
	case '"':
		return []genai.Part{{Text: jsonscan.String(d.text, at)}}
	case '[':
	default:
		d.wrong(field.of(""), "a string or an array of blocks")
		return nil
	}
	list := jsonscan.Array(d.text, at.Start)
	return d.blocks(&list, field)
}

// blocks reads a list of blocks, to its end unless there is an error: no byte is looked
// at twice.
func (d *reader) blocks(list *jsonscan.Elements, field place) (parts []genai.Part) {
	within := &field.block
	if field.block > 0 {
		within = &field.inner
	}
	signed := "" // the signature of the next call
	for list.Advance() && d.err == nil {
		*within++
		if list.Kind() != '{' {
			d.wrong(field.of(""), "an object")
			return nil
		}
		m := list.Object()
		parts = append(parts, genai.Part{})
		p := &parts[len(parts)-1]
		d.block(p, &m, list.Value.Start, &field)
		list.Resume(m.Pos(), m.OK())
		if s := callSignature(p); s != "" {
			signed = s
			if p.Text == "" {
				parts = parts[:len(parts)-1]
			}
		} else if p.Call != nil {
			p.Call.Signature, signed = signed, ""
		}
	}
	return parts
}

// block reads the block that begins at start, of a request or of an answer; field names
// it in an error.
func (d *reader) block(p *genai.Part, m *jsonscan.Members, start int, field *place) {
	var b struct{ kind, text, id, name, input, inner, thinking, signature, data, source, title, context, citations, failed jsonscan.Span }
	for m.Next() {
		if m.Kind() == 'n' {
			continue
		}
		switch string(m.Name()) {
		case "type":
			b.kind = m.Value
		case "text":
			b.text = m.Value
		case "id", "tool_use_id":
			b.id = m.Value
		case "name":
			b.name = m.Value
		case "input":
			b.input = m.Value
		case "content":
			b.inner = m.Value
		case "thinking":
			b.thinking = m.Value
		case "signature":
			b.signature = m.Value
		case "data":
			b.data = m.Value
		case "source":
			b.source = m.Value
		case "title":
			b.title = m.Value
		case "context":
			b.context = m.Value
		case "citations":
			b.citations = m.Value
		case "is_error":
			b.failed = m.Value
		case "cache_control":
			if m.Kind() == '{' {
				p.Cache = d.cache(m.Value, "")
			} else {
				d.wrong(field.of(".cache_control"), "an object")
			}
		}
	}
	at := jsonscan.Span{Start: start, End: m.Pos()}
	text := func(s jsonscan.Span) string { return wire.String(d.text, s) }
	switch kind := text(b.kind); kind {
	case "text":
		if b.text.Empty() || d.text[b.text.Start] != '"' {
			d.wrong(field.of(".text"), "a string")
			return
		}
		p.Text = text(b.text)
		if !b.citations.Empty() && d.text[b.citations.Start] == '[' {
			p.Citations = d.citations(b.citations)
		}
	case "image":
		p.Kind, p.Media = genai.Image, &genai.Media{}
		d.source(p, b.source, field)
	case "document":
		p.Kind, p.Media = genai.File, &genai.Media{Title: text(b.title), Context: text(b.context)}
		if enabled := wire.Member(d.text, b.citations, "enabled"); !enabled.Empty() {
			p.Media.Cited = d.text[enabled.Start] == 't'
		}
		d.source(p, b.source, field)
		if p.Raw != nil {
			p.Raw = at.Of(d.text)
		}
	case "search_result":
		p.Kind, p.Media = genai.File, &genai.Media{MIME: "text/plain", Plain: true, Title: text(b.title)}
		p.Media.Data = text(b.source) + "\n" + d.texts(b.inner)
		p.Raw, p.From = at.Of(d.text), genai.Anthropic
	case "tool_use":
		p.Kind, p.Call = genai.Call, &genai.ToolCall{ID: text(b.id), Name: text(b.name)}
		if !b.input.Empty() {
			p.Call.Arguments = string(b.input.Of(d.text))
		}
	case "tool_result":
		p.Kind, p.Result = genai.Result, &genai.ToolResult{CallID: text(b.id), Failed: !b.failed.Empty() && d.text[b.failed.Start] == 't'}
		if !b.inner.Empty() {
			p.Result.Parts = d.content(b.inner, *field)
		}
	case "thinking":
		p.Kind, p.Text, p.Proof = genai.Thinking, text(b.thinking), proofOf(text(b.signature))
	case "redacted_thinking":
		p.Kind, p.Proof = genai.Thinking, proofOf(text(b.data))
		if p.Proof != nil && p.Proof.From == genai.Anthropic {
			p.Proof.Redacted, p.Proof.Signature = p.Proof.Signature, ""
		}
	case "":
		d.wrong(field.of(".type"), "a string")
	default: // what the provider's own tools did, and what came after this was written
		p.Kind, p.Raw, p.From = genai.ServerTool, at.Of(d.text), genai.Anthropic
	}
}

// source reads where an image or a document is.
func (d *reader) source(p *genai.Part, at jsonscan.Span, field *place) {
	if at.Empty() || d.text[at.Start] != '{' {
		d.wrong(field.of(".source"), "an object")
		return
	}
	kind := ""
	var content jsonscan.Span
	for m := jsonscan.Object(d.text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "type":
			kind = d.inside(&m, field, ".source.type")
		case "media_type":
			p.Media.MIME = d.inside(&m, field, ".source.media_type")
		case "data":
			p.Media.Data = d.inside(&m, field, ".source.data")
		case "url":
			p.Media.URL = d.inside(&m, field, ".source.url")
		case "file_id":
			p.Media.FileID = d.inside(&m, field, ".source.file_id")
		case "content":
			content = m.Value
		}
	}
	switch kind {
	case "base64", "url", "file":
	case "text":
		p.Media.Plain = true
	case "content":
		p.Media.MIME, p.Media.Plain, p.Media.Data = "text/plain", true, d.texts(content)
		p.Raw, p.From = at.Of(d.text), genai.Anthropic // replaced by the whole block
	default:
		d.wrong(field.of(".source.type"), "base64, url, text, content or file")
	}
}

// inside is a string below a place.
func (d *reader) inside(m *jsonscan.Members, field *place, name string) string {
	if m.Kind() == '"' {
		return jsonscan.String(d.text, m.Value)
	}
	if m.Kind() != 'n' {
		d.wrong(field.of(name), "a string")
	}
	return ""
}

// texts joins the texts of a list of blocks, or is the text itself.
func (d *reader) texts(at jsonscan.Span) string {
	if at.Empty() || d.text[at.Start] != '[' {
		return wire.String(d.text, at)
	}
	var b strings.Builder
	for e := jsonscan.Array(d.text, at.Start); e.Next(); {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(wire.String(d.text, wire.Member(d.text, e.Value, "text")))
	}
	return b.String()
}

// citations reads those of a text; each keeps its own form, too.
func (d *reader) citations(at jsonscan.Span) []genai.Citation {
	var list []genai.Citation
	for e := jsonscan.Array(d.text, at.Start); e.Next(); {
		if e.Kind() == '{' {
			list = append(list, d.citation(e.Value))
		}
	}
	return list
}

func (d *reader) citation(at jsonscan.Span) genai.Citation {
	c := genai.Citation{Raw: at.Of(d.text), From: genai.Anthropic}
	for m := jsonscan.Object(d.text, at.Start); m.Next(); {
		s := wire.String(d.text, m.Value)
		switch string(m.Name()) {
		case "url":
			c.URL = s
		case "source": // of a search result
			if c.URL == "" && strings.HasPrefix(s, "http") {
				c.URL = s
			}
		case "title", "document_title":
			c.Title = s
		case "cited_text":
			c.Quote = s
		case "file_id":
			c.FileID = s
		case "document_index":
			c.Document = int(max(0, min(wire.Count(m.Value.Of(d.text)), wire.MaxCount)))
		}
	}
	return c
}
