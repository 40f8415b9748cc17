package chat

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

func (d *decoder) tools(at jsonscan.Span) {
	d.list, d.index = "tools", 0
	for e := jsonscan.Array(d.text, at.Start); e.Next() && d.err == nil; d.index++ {
		if e.Kind() != '{' {
			d.wrong("", "an object")
			return
		}
		d.tool(e.Value)
	}
	d.list = ""
}

func (d *decoder) tool(at jsonscan.Span) {
	typ := wire.String(d.text, wire.Member(d.text, at, "type"))
	t := genai.Tool{Cache: cacheOf(d.text, wire.Member(d.text, at, "cache_control"))}
	switch typ {
	case "function", "custom":
		inner := wire.Member(d.text, at, typ)
		if inner.Empty() || d.text[inner.Start] != '{' {
			d.wrong(typ, "an object")
			return
		}
		if typ == "custom" {
			t.Raw, t.From = at.Of(d.text), genai.Chat
		}
		for m := jsonscan.Object(d.text, inner.Start); m.Next(); {
			switch string(m.Name()) {
			case "name":
				t.Name = d.string(&m, typ+".name")
			case "description":
				t.Description = d.string(&m, typ+".description")
			case "parameters":
				if m.Kind() == '{' {
					t.Parameters = m.Value.Of(d.text)
				} else if m.Kind() != 'n' {
					d.wrong("function.parameters", "a JSON Schema")
				}
			case "strict":
				t.Strict = boolean(d.text, m.Value)
			}
		}
		if t.Name == "" {
			d.wrong(typ+".name", "the tool's name")
		}
	case "":
		d.wrong("type", "a string")
	default:
		t.Server, t.Name, t.Raw, t.From = typ, typ, at.Of(d.text), genai.Chat
		if strings.HasPrefix(typ, "web_search") {
			t.Server = "web_search"
		}
		if uses := wire.Member(d.text, at, "max_uses"); !uses.Empty() {
			t.MaxUses = max(0, wire.Count(uses.Of(d.text)))
		}
	}
	d.out.Tools = append(d.out.Tools, t)
}

func (d *decoder) choice(at jsonscan.Span) {
	const want = "auto, none, required, or a named tool"
	if d.text[at.Start] == '"' {
		switch jsonscan.String(d.text, at) {
		case "auto":
			d.out.Choice.Mode = genai.ToolAuto
		case "none":
			d.out.Choice.Mode = genai.ToolNone
		case "required", "any": // the second is Mistral's
			d.out.Choice.Mode = genai.ToolRequired
		default:
			d.wrong("tool_choice", want)
		}
		return
	}
	switch typ := wire.String(d.text, wire.Member(d.text, at, "type")); typ {
	case "function", "custom":
		name := wire.String(d.text, wire.Member(d.text, wire.Member(d.text, at, typ), "name"))
		if name == "" {
			d.wrong("tool_choice."+typ+".name", "the tool's name")
		}
		d.out.Choice = genai.ToolChoice{Mode: genai.ToolNamed, Name: name}
	case "allowed_tools":
		d.refuse("tool_choice", "send only the tools that are allowed")
	default:
		d.wrong("tool_choice", want)
	}
}

// cacheOf reads Anthropic's cache_control, which several vendors take here too.
func cacheOf(text []byte, at jsonscan.Span) *genai.Cache {
	if at.Empty() || text[at.Start] != '{' {
		return nil
	}
	return &genai.Cache{TTL: wire.String(text, wire.Member(text, at, "ttl"))}
}
