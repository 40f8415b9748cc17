package chat

import (
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

func (d *decoder) messages(e *jsonscan.Elements) {
	d.List, d.Index = "messages", 0
	tools := false // the last message holds what tools answered, and nothing else
	for ; d.Err == nil && e.Advance(); d.Index++ {
		if e.Kind() != '{' {
			d.Wrong("", "an object")
			return
		}
		m := e.Object()
		msg, isTool := d.message(&m)
		e.Resume(m.Pos(), m.OK())
		if last := len(d.out.Messages) - 1; tools && isTool {
			d.out.Messages[last].Parts = append(d.out.Messages[last].Parts, msg.Parts...)
		} else {
			d.out.Messages = append(d.out.Messages, msg)
		}
		tools = isTool
	}
	d.List = ""
}

// message reads one message; isTool tells that it is what a tool answered.
func (d *decoder) message(m *jsonscan.Members) (msg genai.Message, isTool bool) {
	msg.Index = d.Index
	var said utterance
	var callID string
	var cache *genai.Cache
	role := ""
	for d.Err == nil && m.Next() {
		if m.Kind() == 'n' {
			continue
		}
		switch name := string(m.Name()); name {
		case "role":
			role = d.String(m, name)
		case "name":
			msg.Name = d.String(m, name)
		case "tool_call_id":
			callID = d.String(m, name)
		case "cache_control":
			cache = cacheOf(d.Text, m.Value)
		case "content":
			said.content = d.content(m)
		case "function_call":
			d.Refuse(name, "it is retired: use tool_calls")
		case "audio":
			d.Refuse(name, "leave it out: another provider does not have what was said")
		case "tool_calls":
			if m.Kind() != '[' {
				d.Wrong(name, "an array")
			}
			said.member(d.Text, m)
		default:
			said.member(d.Text, m)
		}
	}
	switch role {
	case "system":
		msg.Role, msg.Parts = genai.System, said.content
	case "developer":
		msg.Role, msg.Parts = genai.Developer, said.content
	case "user":
		msg.Role, msg.Parts = genai.User, said.content
	case "assistant":
		msg.Role, msg.Parts = genai.Assistant, said.parts(signer)
	case "tool":
		if callID == "" {
			d.Wrong("tool_call_id", "the id of the call that is answered")
		}
		result := genai.Part{Kind: genai.Result, Result: &genai.ToolResult{CallID: callID, Name: msg.Name, Parts: said.content}, Cache: cache}
		return genai.Message{Index: d.Index, Parts: []genai.Part{result}}, true
	case "function":
		d.Refuse("role", "functions are retired: use tools, and messages with role tool")
	default:
		d.Wrong("role", "system, developer, user, assistant or tool")
	}
	if cache != nil && len(msg.Parts) > 0 {
		msg.Parts[len(msg.Parts)-1].Cache = cache
	}
	return msg, false
}

// content reads a string or a list of parts.
func (d *decoder) content(m *jsonscan.Members) []genai.Part {
	switch m.Kind() {
	case '"':
		return []genai.Part{{Kind: genai.Text, Text: jsonscan.String(d.Text, m.Value)}}
	case '[':
	default:
		d.Wrong("content", "a string or an array of parts")
		return nil
	}
	var parts []genai.Part
	i := 0
	for e := jsonscan.Array(d.Text, m.Value.Start); d.Err == nil && e.Advance(); i++ {
		field := func(name string) string { return "content[" + strconv.Itoa(i) + "]" + name }
		switch e.Kind() {
		case '"': // some clients do
			e.Skip()
			parts = append(parts, genai.Part{Kind: genai.Text, Text: jsonscan.String(d.Text, e.Value)})
		case '{':
			var v [3]jsonscan.Span
			m := e.Object()
			wire.Pick(&m, v[:], "type", "text", "cache_control")
			e.Resume(m.Pos(), m.OK())
			parts = d.part(parts, e.Value, v, field)
		default:
			d.Wrong(field(""), "an object")
		}
	}
	return parts
}

// part reads the part at a span, of which type, text and cache_control are at hand.
func (d *decoder) part(parts []genai.Part, at jsonscan.Span, v [3]jsonscan.Span, field func(string) string) []genai.Part {
	p := genai.Part{Cache: cacheOf(d.Text, v[2])}
	get := func(name string) jsonscan.Span { return wire.Member(d.Text, at, name) }
	switch wire.String(d.Text, v[0]) {
	case "text", "input_text", "output_text":
		p.Text = wire.String(d.Text, v[1])
	case "refusal":
		p.Kind, p.Text = genai.Refusal, wire.String(d.Text, get("refusal"))
	case "thinking": // Mistral's
		p.Kind, p.Text = genai.Thinking, thinkingText(d.Text, get("thinking"))
	case "image_url":
		inner := get("image_url")
		url := wire.String(d.Text, inner)
		if url == "" {
			url = wire.String(d.Text, wire.Member(d.Text, inner, "url"))
		}
		p.Kind, p.Media = genai.Image, mediaAt(url)
		if p.Media == nil {
			d.Wrong(field(".image_url.url"), "an http(s) URL, or a data: URL in base64")
			return parts
		}
		p.Media.Detail = wire.String(d.Text, wire.Member(d.Text, inner, "detail"))
	case "input_audio":
		inner := get("input_audio")
		p.Kind = genai.Audio
		p.Media = &genai.Media{Data: wire.String(d.Text, wire.Member(d.Text, inner, "data")), MIME: audioType(wire.String(d.Text, wire.Member(d.Text, inner, "format")))}
		if p.Media.Data == "" {
			d.Wrong(field(".input_audio.data"), "sound in base64")
		}
	case "file":
		p.Kind = genai.File
		if p.Media = fileAt(d.Text, get("file")); p.Media == nil {
			d.Wrong(field(".file"), "an object with file_id, or with file_data as a data: URL in base64")
			return parts
		}
	default:
		d.Refuse(field(".type"), "send text, image_url, input_audio or file")
		return parts
	}
	return append(parts, p)
}

// mediaAt is what a URL says, nil for one that says nothing that can be passed on.
func mediaAt(url string) *genai.Media {
	if mime, data, ok := wire.DataURL(url); ok {
		return &genai.Media{MIME: mime, Data: data}
	}
	if url == "" || len(url) >= 5 && url[:5] == "data:" {
		return nil
	}
	return &genai.Media{URL: url}
}

// fileAt reads the file member of a part.
func fileAt(text []byte, at jsonscan.Span) *genai.Media {
	name := wire.String(text, wire.Member(text, at, "filename"))
	if id := wire.String(text, wire.Member(text, at, "file_id")); id != "" {
		return &genai.Media{FileID: id, Name: name}
	}
	media := mediaAt(wire.String(text, wire.Member(text, at, "file_data")))
	if media != nil {
		media.Name = name
	}
	return media
}

// audioType is the media type of a format by OpenAI's name.
func audioType(format string) string {
	switch format {
	case "mp3":
		return "audio/mpeg"
	case "":
		return ""
	}
	return "audio/" + format
}

// audioFormat is the other way round.
func audioFormat(mime string) string {
	switch mime {
	case "audio/mpeg", "audio/mp3":
		return "mp3"
	case "", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "wav"
	}
	if len(mime) > 6 && mime[:6] == "audio/" {
		return mime[6:]
	}
	return mime
}
