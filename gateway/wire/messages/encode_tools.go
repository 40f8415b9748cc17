package messages

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

func encodeTools(j *wire.JSON, r *genai.Request, notes *genai.Notes) {
	if len(r.Tools) == 0 {
		return
	}
	j.Open("tools", '[')
	for i := range r.Tools {
		encodeTool(j, &r.Tools[i], r.From, notes)
	}
	j.Close(']')
	serial := r.Parallel != nil && !*r.Parallel
	mode := r.Choice.Mode
	if mode == genai.ToolDefault && !serial {
		return
	}
	j.Open("tool_choice", '{')
	switch mode {
	case genai.ToolRequired:
		j.Text("type", "any")
	case genai.ToolNamed:
		j.Text("type", "tool")
		j.Text("name", r.Choice.Name)
	case genai.ToolNone:
		j.Text("type", "none")
		serial = false
	default:
		j.Text("type", "auto")
	}
	if serial {
		j.Bool("disable_parallel_tool_use", true)
	}
	j.Close('}')
}

func encodeTool(j *wire.JSON, t *genai.Tool, from string, notes *genai.Notes) {
	if t.From == genai.Anthropic && t.Raw != nil {
		raw := t.Raw
		if t.Cache != nil && wire.Member(raw, jsonscan.Span{End: len(raw)}, "cache_control").Empty() {
			marked := append([]byte(nil), raw[:len(raw)-1]...)
			raw = append(append(marked, cacheMember(t.Cache)...), '}')
		}
		j.Raw("", raw)
		return
	}
	j.Open("", '{')
	if t.Server != "" { // the table lets through a search of the web alone
		j.Text("type", "web_search_20250305")
		j.Text("name", "web_search")
		if wire.SearchSays(t.Raw) {
			notes.Add(genai.SearchOptions)
		}
		if t.MaxUses > 0 {
			j.Int("max_uses", t.MaxUses)
		}
	} else {
		j.Text("name", t.Name)
		j.Some("description", t.Description)
		if schema := wire.ObjectSchema(t.Parameters); t.Strict != nil && *t.Strict {
			encodeSchema(j, "input_schema", schema, from, notes)
		} else {
			j.Raw("input_schema", schema)
		}
		if t.Strict != nil && *t.Strict {
			j.Bool("strict", true)
		}
	}
	encodeCache(j, t.Cache)
	j.Close('}')
}
