package chat

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

func (d *decoder) tools(at jsonscan.Span) {
	d.List, d.Index = "tools", 0
	for e := jsonscan.Array(d.Text, at.Start); e.Next() && d.Err == nil; d.Index++ {
		if e.Kind() != '{' {
			d.Wrong("", "an object")
			return
		}
		d.tool(e.Value)
	}
	d.List = ""
}

func (d *decoder) tool(at jsonscan.Span) {
	typ := wire.String(d.Text, wire.Member(d.Text, at, "type"))
	t := genai.Tool{Cache: cacheOf(d.Text, wire.Member(d.Text, at, "cache_control"))}
	switch typ {
	case "function", "custom":
		inner := wire.Member(d.Text, at, typ)
		if inner.Empty() || d.Text[inner.Start] != '{' {
			d.Wrong(typ, "an object")
			return
		}
		if typ == "custom" {
			t.Raw, t.From = at.Of(d.Text), genai.Chat
		}
		for m := jsonscan.Object(d.Text, inner.Start); m.Next(); {
			switch string(m.Name()) {
			case "name":
				t.Name = d.String(&m, typ+".name")
			case "description":
				t.Description = d.String(&m, typ+".description")
			case "parameters":
				if m.Kind() == '{' {
					t.Parameters = m.Value.Of(d.Text)
				} else if m.Kind() != 'n' {
					d.Wrong("function.parameters", "a JSON Schema")
				}
			case "strict":
				t.Strict = wire.Boolean(d.Text, m.Value)
			}
		}
		if t.Name == "" {
			d.Wrong(typ+".name", "the tool's name")
		}
	case "":
		d.Wrong("type", "a string")
	default:
		t.Server, t.Name, t.Raw, t.From = typ, typ, at.Of(d.Text), genai.Chat
		if strings.HasPrefix(typ, "web_search") {
			t.Server = "web_search"
		}
		if uses := wire.Member(d.Text, at, "max_uses"); !uses.Empty() {
			t.MaxUses = max(0, wire.Count(uses.Of(d.Text)))
		}
	}
	d.out.Tools = append(d.out.Tools, t)
}

func (d *decoder) choice(at jsonscan.Span) {
	const want = "auto, none, required, or a named tool"
	if d.Text[at.Start] == '"' {
		switch jsonscan.String(d.Text, at) {
		case "auto":
			d.out.Choice.Mode = genai.ToolAuto
		case "none":
			d.out.Choice.Mode = genai.ToolNone
		case "required", "any": // the second is Mistral's
			d.out.Choice.Mode = genai.ToolRequired
		default:
			d.Wrong("tool_choice", want)
		}
		return
	}
	switch typ := wire.String(d.Text, wire.Member(d.Text, at, "type")); typ {
	case "function", "custom":
		name := wire.String(d.Text, wire.Member(d.Text, wire.Member(d.Text, at, typ), "name"))
		if name == "" {
			d.Wrong("tool_choice."+typ+".name", "the tool's name")
		}
		d.out.Choice = genai.ToolChoice{Mode: genai.ToolNamed, Name: name}
	case "allowed_tools":
		d.Refuse("tool_choice", "send only the tools that are allowed")
	default:
		d.Wrong("tool_choice", want)
	}
}

// cacheOf reads Anthropic's cache_control, which several vendors take here too.
func cacheOf(text []byte, at jsonscan.Span) *genai.Cache {
	if at.Empty() || text[at.Start] != '{' {
		return nil
	}
	return &genai.Cache{TTL: wire.String(text, wire.Member(text, at, "ttl"))}
}
