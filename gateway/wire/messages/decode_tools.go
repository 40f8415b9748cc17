package messages

import (
	"bytes"
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// tools reads the tools, those of the client and those that the provider runs.
func (d *reader) tools(out *genai.Request, at jsonscan.Span) {
	if at.Empty() {
		return
	}
	i := 0
	for e := jsonscan.Array(d.text, at.Start); e.Next() && d.err == nil; i++ {
		field := "tools[" + strconv.Itoa(i) + "]"
		if e.Kind() != '{' {
			d.wrong(field, "an object")
			return
		}
		out.Tools = append(out.Tools, d.tool(e.Value, field))
	}
}

func (d *reader) tool(at jsonscan.Span, field string) genai.Tool {
	var t genai.Tool
	var kind []byte
	for m := jsonscan.Object(d.text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "name":
			t.Name = d.string(m.Value, field+".name")
		case "description":
			t.Description = d.string(m.Value, field+".description")
		case "input_schema":
			if d.is(m.Value, '{', field+".input_schema", "a JSON schema") {
				t.Parameters = m.Value.Of(d.text)
			}
		case "strict":
			if k := m.Kind(); k == 't' || k == 'f' {
				strict := k == 't'
				t.Strict = &strict
			}
		case "cache_control":
			t.Cache = d.cache(m.Value, field+".cache_control")
		case "max_uses":
			t.MaxUses = max(0, wire.Count(m.Value.Of(d.text)))
		case "type":
			kind = m.Value.Of(d.text)
		}
	}
	switch {
	case len(kind) == 0 || string(kind) == "null" || string(kind) == `"custom"`:
		t.MaxUses = 0
		return t
	case bytes.HasPrefix(kind, []byte(`"web_search_`)):
		t.Server = "web_search"
	case t.Name != "":
		t.Server = t.Name
	default:
		t.Server = "unknown"
	}
	t.Raw, t.From = at.Of(d.text), genai.Anthropic
	return t
}
