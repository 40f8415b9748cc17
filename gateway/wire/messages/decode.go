package messages

import (
	"slices"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// reader reads a JSON that is valid as a whole; the first value of a wrong kind is its
// error, which names the field.
type reader struct {
	text []byte
	err  *apierror.Error
}

func (d *reader) wrong(field, want string) {
	if d.err == nil {
		d.err = wire.WrongKind(field, want)
	}
}

func (d *reader) string(at jsonscan.Span, field string) string {
	if d.text[at.Start] != '"' {
		if d.text[at.Start] != 'n' {
			d.wrong(field, "a string")
		}
		return ""
	}
	return jsonscan.String(d.text, at)
}

// number is a number as it was written.
func (d *reader) number(at jsonscan.Span, field string) string {
	if k := d.text[at.Start]; k != '-' && (k < '0' || k > '9') {
		d.wrong(field, "a number")
		return ""
	}
	return string(at.Of(d.text))
}

func (d *reader) is(at jsonscan.Span, kind byte, field, want string) bool {
	if d.text[at.Start] != kind {
		if d.text[at.Start] != 'n' {
			d.wrong(field, want)
		}
		return false
	}
	return true
}

// Decode reads the whole request, for a provider of another protocol.
func (r *Request) Decode() (*genai.Request, *apierror.Error) {
	d := reader{text: r.head.Body}
	out := &genai.Request{From: genai.Anthropic, User: r.head.User, Stream: r.head.Stream}
	if !r.maxTokens.Empty() {
		out.MaxTokens = max(0, wire.Count(r.maxTokens.Of(d.text)))
	}
	if !r.system.Empty() {
		parts := d.content(r.system, place{list: "system", at: -1})
		out.Messages = append(out.Messages, genai.Message{Index: -1, Role: genai.System, Parts: parts})
	}
	e := jsonscan.Array(d.text, r.messages.Start)
	for i := 0; e.Advance() && d.err == nil; i++ {
		out.Messages = append(out.Messages, d.message(&e, i))
	}
	d.tools(out, r.tools)
	names := fieldNames()
	for m := jsonscan.Object(r.head.Body, jsonscan.Space(r.head.Body, 0)); m.Next(); {
		if name := string(m.Name()); m.Kind() != 'n' && !slices.Contains(names[:], name) {
			d.member(out, name, m.Value)
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	return out, nil
}

// member takes a member of the request that is not null.
func (d *reader) member(out *genai.Request, name string, at jsonscan.Span) {
	switch name {
	case "temperature":
		out.Temperature = d.number(at, name)
	case "top_p":
		out.TopP = d.number(at, name)
	case "top_k":
		out.TopK = d.number(at, name)
	case "stop_sequences":
		if d.is(at, '[', name, "an array of strings") {
			for e := jsonscan.Array(d.text, at.Start); e.Next(); {
				if e.Kind() != '"' {
					d.wrong(name, "an array of strings")
					return
				}
				out.Stop = append(out.Stop, jsonscan.String(d.text, e.Value))
			}
		}
	case "service_tier":
		if out.ServiceTier = d.string(at, name); out.ServiceTier == "standard_only" {
			out.ServiceTier = "default"
		}
	case "tool_choice":
		d.choice(out, at)
	case "thinking":
		d.thinking(out, at)
	case "output_config":
		d.outputConfig(out, at)
	case "output_format":
		d.format(out, at, name)
	case "cache_control":
		markLast(out, d.cache(at, name))
	default:
		out.Extra = append(out.Extra, genai.Field{Name: name, Raw: at.Of(d.text)})
	}
}

// markLast is what the top-level cache_control means: a breakpoint behind the last block.
func markLast(out *genai.Request, c *genai.Cache) {
	if n := len(out.Messages); n > 0 && c != nil {
		if parts := out.Messages[n-1].Parts; len(parts) > 0 && parts[len(parts)-1].Cache == nil {
			parts[len(parts)-1].Cache = c
		}
	}
}

func (d *reader) message(e *jsonscan.Elements, index int) genai.Message {
	out := genai.Message{Index: index}
	field := place{list: "messages", at: index}
	if e.Kind() != '{' {
		d.wrong(field.of(""), "an object")
		return out
	}
	var role []byte
	m := e.Object()
	for m.Advance() {
		name := m.Name()
		if string(name) == "content" && m.Kind() == '[' {
			list := m.Array()
			out.Parts = d.blocks(&list, place{list: "messages", at: index, content: true})
			m.Resume(list.Pos(), list.OK())
			continue
		}
		if !m.Skip() {
			break
		}
		switch string(name) {
		case "role":
			if m.Kind() != '"' {
				d.wrong(field.of(".role"), "a string")
				continue
			}
			role = m.Value.Of(d.text)
		case "content":
			out.Parts = d.content(m.Value, place{list: "messages", at: index, content: true})
		}
	}
	e.Resume(m.Pos(), m.OK())
	switch string(role) {
	case `"user"`:
	case `"assistant"`:
		out.Role = genai.Assistant
	case `"system"`:
		out.Role = genai.System
	default:
		if d.err == nil {
			d.err = apierror.Invalid(field.of(".role"), "The role of '"+field.of("")+"' must be 'user' or 'assistant'.")
		}
	}
	return out
}

// place is where content stands. Its name is written for an error alone: a request has
// thousands of places.
type place struct {
	list    string // messages, tools, system or content
	at      int    // the message's, or -1
	content bool   // of a message
	block   int    // 1 and up; 0 for none
	inner   int    // of a result, likewise
}

// of is the name of a field there.
func (p *place) of(field string) string {
	name := p.list
	if p.at >= 0 {
		name += "[" + strconv.Itoa(p.at) + "]"
	}
	if p.content {
		name += ".content"
	}
	if p.block > 0 {
		name += "[" + strconv.Itoa(p.block-1) + "]"
	}
	if p.inner > 0 {
		name += ".content[" + strconv.Itoa(p.inner-1) + "]"
	}
	return name + field
}

func (d *reader) cache(at jsonscan.Span, field string) *genai.Cache {
	if !d.is(at, '{', field, "an object") {
		return nil
	}
	return &genai.Cache{TTL: wire.String(d.text, wire.Member(d.text, at, "ttl"))}
}

func (d *reader) choice(out *genai.Request, at jsonscan.Span) {
	if !d.is(at, '{', "tool_choice", "an object") {
		return
	}
	for c := jsonscan.Object(d.text, at.Start); c.Next(); {
		switch string(c.Name()) {
		case "type":
			switch kind := d.string(c.Value, "tool_choice.type"); kind {
			case "auto":
				out.Choice.Mode = genai.ToolAuto
			case "any":
				out.Choice.Mode = genai.ToolRequired
			case "tool":
				out.Choice.Mode = genai.ToolNamed
			case "none":
				out.Choice.Mode = genai.ToolNone
			default:
				d.wrong("tool_choice.type", "auto, any, tool or none")
			}
		case "name":
			out.Choice.Name = d.string(c.Value, "tool_choice.name")
		case "disable_parallel_tool_use":
			parallel := c.Kind() != 't'
			out.Parallel = &parallel
		}
	}
	if out.Choice.Mode != genai.ToolNamed {
		out.Choice.Name = ""
	} else if out.Choice.Name == "" {
		d.wrong("tool_choice.name", "the name of a tool")
	}
}
