package chat

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Encode writes a request.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, []string, *apierror.Error) {
	notes := genai.NotesOf(r)
	j := make(wire.JSON, 0, 1024+r.Size())
	j.Open("", '{')
	j.Text("model", o.Model)
	encodeMessages(&j, r, notes)
	encodeTools(&j, r, notes)
	if r.MaxTokens > 0 {
		field := o.LimitField
		if field == "" {
			field = "max_completion_tokens"
		}
		j.Int(field, r.MaxTokens)
	}
	j.Number("temperature", r.Temperature)
	j.Number("top_p", r.TopP)
	j.Number("top_k", r.TopK)
	j.Number("seed", r.Seed)
	j.Number("presence_penalty", r.Presence)
	j.Number("frequency_penalty", r.Frequency)
	if len(r.Stop) > 0 {
		j.Open("stop", '[')
		for _, s := range r.Stop {
			j.Text("", s)
		}
		j.Close(']')
	}
	if r.Choices > 0 {
		j.Int("n", r.Choices)
	}
	if r.LogProbs || r.TopLogProbs != "" {
		j.Bool("logprobs", true)
		j.Number("top_logprobs", r.TopLogProbs)
	}
	encodeOutput(&j, r.Output)
	if t := r.Reasoning; t != nil && t.Budget > 0 && r.From == genai.Chat { // its vendor's own field
		j.Open("reasoning", '{')
		j.Int("max_tokens", t.Budget)
		j.Some("effort", t.Effort)
		j.Close('}')
	} else if t != nil && (!t.Off || t.Effort != "") {
		// Thinking that is switched off without an effort is what models that do not think
		// are asked for, too; they would refuse the field.
		j.Text("reasoning_effort", t.Level())
	} else if t != nil {
		notes.Add(genai.ThinkingStays)
	}
	j.Some("verbosity", r.Verbosity)
	j.Some("user", r.User)
	j.Some("service_tier", r.ServiceTier)
	for _, f := range r.Extra {
		j.Raw(f.Name, f.Raw)
	}
	if r.Stream {
		j.Bool("stream", true)
		j.Open("stream_options", '{')
		j.Bool("include_usage", true)
		j.Close('}')
	}
	j.Close('}')
	return j, notes.Warnings(), nil
}

func encodeOutput(j *wire.JSON, o *genai.Output) {
	if o == nil {
		return
	}
	j.Open("response_format", '{')
	if o.Schema == nil {
		j.Text("type", "json_object")
		j.Close('}')
		return
	}
	j.Text("type", "json_schema")
	j.Open("json_schema", '{')
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
	j.Close('}')
	j.Close('}')
}

func encodeTools(j *wire.JSON, r *genai.Request, notes *genai.Notes) {
	custom := func(name string) bool { return false }
	var search *genai.Tool
	count := 0
	for i := range r.Tools {
		t := &r.Tools[i]
		if t.Server == "web_search" && (t.From != genai.Chat || wire.Member(t.Raw, jsonscan.Span{End: len(t.Raw)}, "type").Empty()) {
			search = t
			continue
		}
		if count++; count == 1 {
			j.Open("tools", '[')
		}
		if encodeTool(j, t) {
			rest := custom
			custom = func(name string) bool { return name == t.Name || rest(name) }
		}
	}
	if count > 0 {
		j.Close(']')
		encodeChoice(j, r.Choice, custom)
		if r.Parallel != nil {
			j.Bool("parallel_tool_calls", *r.Parallel)
		}
	}
	if search != nil {
		if mode := r.Choice.Mode; count == 0 && mode != genai.ToolDefault && mode != genai.ToolAuto {
			notes.Add(genai.ChoiceOut)
		}
		encodeSearch(j, search, notes)
	}
}

// encodeTool writes a tool, and tells whether it is a custom one.
func encodeTool(j *wire.JSON, t *genai.Tool) (custom bool) {
	switch {
	case t.Raw != nil && t.From == genai.Chat:
		j.Raw("", t.Raw)
		return t.Server == ""
	case t.Raw != nil && t.Server == "": // a custom tool of Responses is the same, but flat
		j.Open("", '{')
		j.Text("type", "custom")
		j.Open("custom", '{')
		j.Text("name", t.Name)
		j.Some("description", t.Description)
		encodeGrammar(j, t.Raw)
		j.Close('}')
		j.Close('}')
		return true
	}
	j.Open("", '{')
	j.Text("type", "function")
	j.Open("function", '{')
	j.Text("name", t.Name)
	j.Some("description", t.Description)
	if t.Parameters != nil {
		j.Raw("parameters", t.Parameters)
	}
	if t.Strict != nil {
		j.Bool("strict", *t.Strict)
	}
	j.Close('}')
	encodeCache(j, t.Cache)
	j.Close('}')
	return false
}

// encodeGrammar writes the format of a custom tool, which Responses has flat.
func encodeGrammar(j *wire.JSON, raw []byte) {
	format := wire.Member(raw, jsonscan.Span{End: len(raw)}, "format")
	switch {
	case format.Empty():
	case wire.String(raw, wire.Member(raw, format, "type")) == "grammar":
		j.Open("format", '{')
		j.Text("type", "grammar")
		j.Open("grammar", '{')
		j.Some("syntax", wire.String(raw, wire.Member(raw, format, "syntax")))
		j.Some("definition", wire.String(raw, wire.Member(raw, format, "definition")))
		j.Close('}')
		j.Close('}')
	default:
		j.Raw("format", format.Of(raw))
	}
}

func encodeChoice(j *wire.JSON, c genai.ToolChoice, custom func(string) bool) {
	switch c.Mode {
	case genai.ToolAuto:
		j.Text("tool_choice", "auto")
	case genai.ToolNone:
		j.Text("tool_choice", "none")
	case genai.ToolRequired:
		j.Text("tool_choice", "required")
	case genai.ToolNamed:
		kind := "function"
		if custom(c.Name) {
			kind = "custom"
		}
		j.Open("tool_choice", '{')
		j.Text("type", kind)
		j.Open(kind, '{')
		j.Text("name", c.Name)
		j.Close('}')
		j.Close('}')
	}
}

// encodeSearch writes web search, which is no tool here; what the tool of Responses
// says of it has its place.
func encodeSearch(j *wire.JSON, t *genai.Tool, notes *genai.Notes) {
	all := jsonscan.Span{End: len(t.Raw)}
	if t.From == genai.Chat {
		j.Raw("web_search_options", t.Raw)
		return
	}
	if wire.SearchSays(t.Raw, "search_context_size", "user_location", "max_uses") { // the table has the last
		notes.Add(genai.SearchOptions)
	}
	j.Open("web_search_options", '{')
	if t.Raw != nil {
		j.Some("search_context_size", wire.String(t.Raw, wire.Member(t.Raw, all, "search_context_size")))
		if at := wire.Member(t.Raw, all, "user_location"); !at.Empty() {
			j.Open("user_location", '{')
			j.Text("type", "approximate")
			j.Open("approximate", '{')
			for _, name := range [...]string{"country", "region", "city", "timezone"} {
				j.Some(name, wire.String(t.Raw, wire.Member(t.Raw, at, name)))
			}
			j.Close('}')
			j.Close('}')
		}
	}
	j.Close('}')
}

func encodeCache(j *wire.JSON, c *genai.Cache) {
	if c == nil {
		return
	}
	j.Open("cache_control", '{')
	j.Text("type", "ephemeral")
	j.Some("ttl", c.TTL)
	j.Close('}')
}
