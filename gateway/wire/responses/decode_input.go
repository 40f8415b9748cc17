package responses

import (
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

func (d *decoder) items(e *jsonscan.Elements) {
	d.List, d.Index = "input", 0
	for ; d.Err == nil && e.Advance(); d.Index++ {
		if e.Kind() != '{' {
			d.Wrong("", "an object")
			return
		}
		var v [5]jsonscan.Span
		m := e.Object()
		wire.Pick(&m, v[:], "type", "role", "content", "call_id", "output")
		e.Resume(m.Pos(), m.OK())
		d.item(e.Value, v)
	}
	d.List = ""
}

// item reads an item of the input. Items of the model's that follow one another are
// one turn, and so are the results of tools.
func (d *decoder) item(at jsonscan.Span, v [5]jsonscan.Span) {
	switch typ := wire.String(d.Text, v[0]); typ {
	case "", "message":
		d.message(v[2], wire.String(d.Text, v[1]))
	case "function_call_output", "custom_tool_call_output":
		p := genai.Part{Kind: genai.Result, Result: &genai.ToolResult{CallID: wire.String(d.Text, v[3])}}
		if p.Result.CallID == "" {
			d.Wrong("call_id", "the id of the call that is answered")
		}
		output := v[4]
		if output.Empty() {
			d.Wrong("output", "a string or an array of parts")
			return
		}
		p.Result.Parts = d.content(output, "output")
		d.turn(genai.User, true, p)
	case "item_reference":
		d.Refuse("", "that provider keeps no items, so send the item itself")
	default:
		if len(typ) > 7 && typ[len(typ)-7:] == "_output" {
			d.Refuse("type", "it answers a tool that only OpenAI has")
			return
		}
		p, ok := itemOf(d.Text, at, typ)
		switch signature := signatureOf(p); {
		case !ok:
		case signature != "":
			d.signature = signature
		default:
			if p[0].Call != nil {
				p[0].Call.Signature, d.signature = d.signature, ""
			}
			d.turn(genai.Assistant, false, p...)
		}
	}
}

// turn adds parts to the turn under way, or begins one; results are turns of their own.
func (d *decoder) turn(role genai.Role, results bool, parts ...genai.Part) {
	if n := len(d.out.Messages); n > 0 {
		last := &d.out.Messages[n-1]
		same := last.Role == role && last.Index >= 0
		if results {
			same = same && len(last.Parts) > 0 && last.Parts[0].Kind == genai.Result
		}
		if same {
			last.Parts = append(last.Parts, parts...)
			return
		}
	}
	d.out.Messages = append(d.out.Messages, genai.Message{Index: d.Index, Role: role, Parts: parts})
}

func (d *decoder) message(content jsonscan.Span, role string) {
	msg := genai.Message{Index: d.Index}
	switch role {
	case "user":
	case "system":
		msg.Role = genai.System
	case "developer":
		msg.Role = genai.Developer
	case "assistant":
		msg.Role = genai.Assistant
	default:
		d.Wrong("role", "user, assistant, system or developer")
		return
	}
	if content.Empty() {
		d.Wrong("content", "a string or an array of parts")
		return
	}
	msg.Parts = d.content(content, "content")
	if msg.Role == genai.Assistant {
		d.turn(genai.Assistant, false, msg.Parts...)
		return
	}
	d.out.Messages = append(d.out.Messages, msg)
}

// content reads a string or a list of parts.
func (d *decoder) content(at jsonscan.Span, name string) []genai.Part {
	switch d.Text[at.Start] {
	case '"':
		return []genai.Part{{Text: jsonscan.String(d.Text, at)}}
	case '[':
	default:
		d.Wrong(name, "a string or an array of parts")
		return nil
	}
	var parts []genai.Part
	i := 0
	for e := jsonscan.Array(d.Text, at.Start); d.Err == nil && e.Advance(); i++ {
		field := name + "[" + strconv.Itoa(i) + "]"
		if e.Kind() != '{' {
			d.Wrong(field, "an object")
			return nil
		}
		p, problem := partOf(d.Text, &e)
		switch {
		case problem == "type":
			d.Refuse(field+".type", "send input_text, input_image, input_file or input_audio")
		case problem != "":
			d.Wrong(field, problem)
		}
		parts = append(parts, p)
	}
	return parts
}

// partOf reads the part of a content that e has advanced to; problem is "type" for one of an unknown type, and
// what it must be for one that lacks something.
func partOf(text []byte, e *jsonscan.Elements) (p genai.Part, problem string) {
	var v [4]jsonscan.Span
	m := e.Object()
	wire.Pick(&m, v[:], "type", "text", "annotations", "refusal")
	e.Resume(m.Pos(), m.OK())
	at := e.Value
	get := func(name string) string { return wire.String(text, wire.Member(text, at, name)) }
	switch wire.String(text, v[0]) {
	case "input_text", "output_text", "text", "summary_text":
		p.Text = wire.String(text, v[1])
		if !v[2].Empty() {
			p.Citations = citationsOf(text, v[2])
		}
	case "refusal":
		p.Kind, p.Text = genai.Refusal, wire.String(text, v[3])
	case "input_image":
		p.Kind, p.Media = genai.Image, media(get("image_url"), get("file_id"))
		if p.Media == nil {
			return p, "an image_url (http(s), or data: in base64) or a file_id"
		}
		p.Media.Detail = get("detail")
	case "input_file":
		p.Kind = genai.File
		url := get("file_url")
		if url == "" {
			url = get("file_data")
		}
		if p.Media = media(url, get("file_id")); p.Media == nil {
			return p, "a file_url, a file_id, or file_data as a data: URL in base64"
		}
		p.Media.Name = get("filename")
	case "input_audio":
		inner := wire.Member(text, at, "input_audio")
		p.Kind, p.Media = genai.Audio, &genai.Media{Data: wire.String(text, wire.Member(text, inner, "data"))}
		switch format := wire.String(text, wire.Member(text, inner, "format")); format {
		case "":
		case "mp3":
			p.Media.MIME = "audio/mpeg"
		default:
			p.Media.MIME = "audio/" + format
		}
	default:
		return p, "type"
	}
	return p, ""
}

// media is what a URL or an id says, nil where neither says something.
func media(url, id string) *genai.Media {
	if id != "" {
		return &genai.Media{FileID: id}
	}
	if mime, data, ok := wire.DataURL(url); ok {
		return &genai.Media{MIME: mime, Data: data}
	}
	if url == "" || len(url) >= 5 && url[:5] == "data:" {
		return nil
	}
	return &genai.Media{URL: url}
}

func citationsOf(text []byte, at jsonscan.Span) []genai.Citation {
	var all []genai.Citation
	if text[at.Start] != '[' {
		return nil
	}
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		if e.Kind() == '{' {
			all = append(all, citationOf(text, e.Value))
		}
	}
	return all
}

func citationOf(text []byte, at jsonscan.Span) genai.Citation {
	c := genai.Citation{Raw: at.Of(text), From: genai.Responses}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		count := func() int { return int(min(max(0, wire.Count(m.Value.Of(text))), wire.MaxCount)) }
		switch string(m.Name()) {
		case "url":
			c.URL = wire.String(text, m.Value)
		case "title", "filename":
			c.Title = wire.String(text, m.Value)
		case "file_id":
			c.FileID = wire.String(text, m.Value)
		case "quote":
			c.Quote = wire.String(text, m.Value)
		case "start_index":
			c.Start = count()
		case "end_index":
			c.End = count()
		case "index":
			c.Document = count()
		}
	}
	return c
}
