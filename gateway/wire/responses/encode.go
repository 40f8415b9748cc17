package responses

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Encode writes a request. Nothing is kept with the provider unless the client asked
// for it, so that what a reasoning model wants back comes with its answer.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, []string, *apierror.Error) {
	notes := genai.NotesOf(r)
	j := make(wire.JSON, 0, 1024+r.Size())
	j.Open("", '{')
	j.Text("model", o.Model)
	encodeInput(&j, r, notes)
	encodeTools(&j, r, notes)
	if r.MaxTokens > 0 {
		j.Int("max_output_tokens", r.MaxTokens)
	}
	j.Number("temperature", r.Temperature)
	j.Number("top_p", r.TopP)
	j.Number("top_logprobs", r.TopLogProbs)
	encodeForm(&j, r)
	thinks := r.Reasoning != nil && (!r.Reasoning.Off || r.Reasoning.Effort != "")
	if thinks {
		j.Open("reasoning", '{')
		if r.Reasoning.Effort != "" || r.Reasoning.Budget > 0 || r.Reasoning.Summary == "" {
			j.Text("effort", r.Reasoning.Level())
		}
		j.Some("summary", r.Reasoning.Summary)
		j.Close('}')
	} else if r.Reasoning != nil {
		notes.Add(genai.ThinkingStays)
	}
	j.Some("user", r.User)
	j.Some("service_tier", r.ServiceTier)
	stored, included := false, false
	for _, f := range r.Extra {
		stored, included = stored || f.Name == "store", included || f.Name == "include"
		j.Raw(f.Name, f.Raw)
	}
	if !stored {
		j.Bool("store", false)
	}
	if !included && (thinks || r.LogProbs) {
		j.Open("include", '[')
		if thinks {
			j.Text("", "reasoning.encrypted_content")
		}
		if r.LogProbs {
			j.Text("", "message.output_text.logprobs")
		}
		j.Close(']')
	}
	if r.Stream {
		j.Bool("stream", true)
	}
	j.Close('}')
	return j, notes.Warnings(), nil
}

func encodeForm(j *wire.JSON, r *genai.Request) {
	if r.Output == nil && r.Verbosity == "" {
		return
	}
	j.Open("text", '{')
	if o := r.Output; o != nil {
		j.Open("format", '{')
		if o.Schema == nil {
			j.Text("type", "json_object")
		} else {
			j.Text("type", "json_schema")
			name := o.Name
			if name == "" {
				name = "answer" // a name is required here, and in other protocols is none
			}
			j.Text("name", name)
			j.Some("description", o.Description)
			j.Raw("schema", o.Schema)
			if o.Strict != nil {
				j.Bool("strict", *o.Strict)
			}
		}
		j.Close('}')
	}
	j.Some("verbosity", r.Verbosity)
	j.Close('}')
}

func encodeTools(j *wire.JSON, r *genai.Request, notes *genai.Notes) {
	if len(r.Tools) == 0 {
		return
	}
	uses := int64(0)
	j.Open("tools", '[')
	for i := range r.Tools {
		encodeTool(j, &r.Tools[i], notes)
		uses = max(uses, r.Tools[i].MaxUses)
	}
	j.Close(']')
	switch r.Choice.Mode {
	case genai.ToolAuto:
		j.Text("tool_choice", "auto")
	case genai.ToolNone:
		j.Text("tool_choice", "none")
	case genai.ToolRequired:
		j.Text("tool_choice", "required")
	case genai.ToolNamed:
		j.Open("tool_choice", '{')
		kind := kindOf(r, r.Choice.Name)
		j.Text("type", kind)
		if kind == "function" || kind == "custom" {
			j.Text("name", r.Choice.Name)
		}
		j.Close('}')
	}
	if r.Parallel != nil {
		j.Bool("parallel_tool_calls", *r.Parallel)
	}
	if uses > 0 {
		j.Int("max_tool_calls", uses)
	}
}

// kindOf is the type of the tool with a name.
func kindOf(r *genai.Request, name string) string {
	for i := range r.Tools {
		if t := &r.Tools[i]; t.Name == name {
			switch {
			case t.Server != "" && t.From == genai.Responses:
				return t.Name
			case t.Server != "":
				return t.Server
			case t.Raw != nil:
				return "custom"
			}
		}
	}
	return "function"
}

func encodeTool(j *wire.JSON, t *genai.Tool, notes *genai.Notes) {
	if t.Raw != nil && t.From == genai.Responses {
		j.Raw("", t.Raw)
		return
	}
	all := jsonscan.Span{End: len(t.Raw)}
	j.Open("", '{')
	switch {
	case t.Server != "":
		j.Text("type", t.Server)
		if wire.SearchSays(t.Raw, "search_context_size", "user_location", "max_uses") {
			notes.Add(genai.SearchOptions)
		}
		j.Some("search_context_size", wire.String(t.Raw, wire.Member(t.Raw, all, "search_context_size")))
		at := wire.Member(t.Raw, all, "user_location")
		if t.From == genai.Chat { // web_search_options
			at = wire.Member(t.Raw, at, "approximate")
		}
		if !at.Empty() {
			j.Open("user_location", '{')
			j.Text("type", "approximate")
			for _, name := range [...]string{"country", "region", "city", "timezone"} {
				j.Some(name, wire.String(t.Raw, wire.Member(t.Raw, at, name)))
			}
			j.Close('}')
		}
	case t.Raw != nil: // Chat's custom tool, which is not flat
		j.Text("type", "custom")
		j.Text("name", t.Name)
		j.Some("description", t.Description)
		encodeGrammar(j, t.Raw)
	default:
		j.Text("type", "function")
		j.Text("name", t.Name)
		j.Some("description", t.Description)
		if t.Parameters != nil {
			j.Raw("parameters", t.Parameters)
		} else {
			j.Raw("parameters", []byte(`{"type":"object","properties":{}}`)) // required here
		}
		// Without a word of the client's, Responses would be strict, and refuse schemas
		// that are good elsewhere.
		j.Bool("strict", t.Strict != nil && *t.Strict)
	}
	j.Close('}')
}

// encodeGrammar writes the format of Chat's custom tool, flat.
func encodeGrammar(j *wire.JSON, raw []byte) {
	format := wire.Member(raw, wire.Member(raw, jsonscan.Span{End: len(raw)}, "custom"), "format")
	grammar := wire.Member(raw, format, "grammar")
	switch {
	case format.Empty():
	case grammar.Empty():
		j.Raw("format", format.Of(raw))
	default:
		j.Open("format", '{')
		j.Text("type", "grammar")
		j.Some("syntax", wire.String(raw, wire.Member(raw, grammar, "syntax")))
		j.Some("definition", wire.String(raw, wire.Member(raw, grammar, "definition")))
		j.Close('}')
	}
}
