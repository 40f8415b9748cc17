package chat

import (
	"fmt"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// decoder reads a request whole.
type decoder struct {
	text []byte
	out  *genai.Request
	// list and index are the array that is walked, and where: they name the client's
	// field in an error.
	list  string
	index int
	err   *apierror.Error
}

// Decode reads the whole request, for a provider of another protocol. metadata is the
// ledger's: it stays here.
func (r *Request) Decode() (*genai.Request, *apierror.Error) {
	d := decoder{text: r.head.Body, out: &genai.Request{From: genai.Chat, User: r.head.User, Stream: r.head.Stream}}
	d.out.MaxTokens = max(r.number(r.maxTokens), r.number(r.maxCompletion))
	d.out.Choices = r.number(r.n)
	for m := jsonscan.Object(d.text, jsonscan.Space(d.text, 0)); d.err == nil && m.Advance(); {
		if string(m.Name()) == "messages" { // nearly all of the text: it is walked once
			e := m.Array()
			d.messages(&e)
			m.Resume(e.Pos(), e.OK())
			continue
		}
		if m.Skip() && m.Kind() != 'n' {
			d.member(&m)
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	return d.out, nil
}

// member takes one of the request's members that is not null.
func (d *decoder) member(m *jsonscan.Members) {
	d.list = ""
	out := d.out
	switch name := string(m.Name()); name {
	case "model", "stream", "stream_options", "user", "metadata", "requesty", "n", "max_tokens", "max_completion_tokens":
	case "tools":
		d.tools(m.Value)
	case "tool_choice":
		d.choice(m.Value)
	case "functions", "function_call":
		d.refuse(name, "it is retired: use tools and tool_choice")
	case "parallel_tool_calls":
		out.Parallel = d.flag(m, name)
	case "temperature":
		out.Temperature = d.number(m, name)
	case "top_p":
		out.TopP = d.number(m, name)
	case "top_k":
		out.TopK = d.number(m, name)
	case "seed":
		out.Seed = d.number(m, name)
	case "presence_penalty":
		out.Presence = d.number(m, name)
	case "frequency_penalty":
		out.Frequency = d.number(m, name)
	case "stop":
		d.stop(m.Value)
	case "logprobs":
		logprobs := d.flag(m, name)
		out.LogProbs = logprobs != nil && *logprobs
	case "top_logprobs":
		out.TopLogProbs = d.number(m, name)
	case "response_format":
		d.format(m.Value)
	case "reasoning_effort":
		d.reasoning().Effort = d.string(m, name)
		d.out.Reasoning.Off = d.out.Reasoning.Effort == "none"
	case "reasoning":
		d.reasoningObject(m.Value)
	case "thinking":
		d.thinking(m.Value)
	case "verbosity":
		out.Verbosity = d.string(m, name)
	case "service_tier":
		out.ServiceTier = d.string(m, name)
	case "web_search_options":
		out.Tools = append(out.Tools, genai.Tool{Server: "web_search", Name: "web_search", Raw: m.Value.Of(d.text), From: genai.Chat})
	default:
		out.Extra = append(out.Extra, genai.Field{Name: name, Raw: m.Value.Of(d.text)})
	}
}

func (d *decoder) stop(at jsonscan.Span) {
	if d.text[at.Start] == '"' {
		d.out.Stop = []string{jsonscan.String(d.text, at)}
		return
	}
	e := jsonscan.Array(d.text, at.Start)
	for e.Next() {
		if e.Kind() != '"' {
			break
		}
		d.out.Stop = append(d.out.Stop, jsonscan.String(d.text, e.Value))
	}
	if !e.OK() {
		d.wrong("stop", "a string or an array of strings")
	}
}

func (d *decoder) format(at jsonscan.Span) {
	if d.text[at.Start] != '{' {
		d.wrong("response_format", "an object")
		return
	}
	switch typ := wire.String(d.text, wire.Member(d.text, at, "type")); typ {
	case "text":
	case "json_object":
		d.out.Output = &genai.Output{}
	case "json_schema":
		inner := wire.Member(d.text, at, "json_schema")
		schema := wire.Member(d.text, inner, "schema")
		if schema.Empty() || d.text[schema.Start] != '{' {
			d.wrong("response_format.json_schema.schema", "a JSON Schema")
			return
		}
		d.out.Output = &genai.Output{Schema: schema.Of(d.text), Name: wire.String(d.text, wire.Member(d.text, inner, "name")),
			Description: wire.String(d.text, wire.Member(d.text, inner, "description")), Strict: boolean(d.text, wire.Member(d.text, inner, "strict"))}
	default:
		d.wrong("response_format.type", "text, json_object or json_schema")
	}
}

func (d *decoder) reasoning() *genai.Reasoning {
	if d.out.Reasoning == nil {
		d.out.Reasoning = &genai.Reasoning{}
	}
	return d.out.Reasoning
}

// reasoningObject reads OpenRouter's form of reasoning.
func (d *decoder) reasoningObject(at jsonscan.Span) {
	if d.text[at.Start] != '{' {
		d.wrong("reasoning", "an object")
		return
	}
	r := d.reasoning()
	for m := jsonscan.Object(d.text, at.Start); m.Next() && d.err == nil; {
		switch string(m.Name()) {
		case "effort":
			if r.Effort = d.string(&m, "reasoning.effort"); r.Effort == "none" {
				r.Off = true
			}
		case "max_tokens":
			r.Budget = max(0, wire.Count(m.Value.Of(d.text)))
		case "enabled":
			r.Off = m.Kind() == 'f'
		case "summary":
			r.Summary = d.string(&m, "reasoning.summary")
		}
	}
}

// thinking reads Anthropic's form of it, as LiteLLM's clients send it.
func (d *decoder) thinking(at jsonscan.Span) {
	if d.text[at.Start] != '{' {
		d.wrong("thinking", "an object")
		return
	}
	r := d.reasoning()
	r.Off = wire.String(d.text, wire.Member(d.text, at, "type")) == "disabled"
	if budget := wire.Member(d.text, at, "budget_tokens"); !budget.Empty() {
		r.Budget = max(0, wire.Count(budget.Of(d.text)))
	}
}

// field is the name of a field under what is walked.
func (d *decoder) field(name string) string {
	if d.list == "" {
		return name
	}
	if name == "" {
		return fmt.Sprintf("%s[%d]", d.list, d.index)
	}
	return fmt.Sprintf("%s[%d].%s", d.list, d.index, name)
}

// wrong is the error of a field of the wrong kind; the first one counts.
func (d *decoder) wrong(name, want string) {
	if d.err == nil {
		d.err = wire.WrongKind(d.field(name), want)
	}
}

// refuse is the error of a field that cannot be translated.
func (d *decoder) refuse(name, why string) {
	if d.err == nil {
		name = d.field(name)
		d.err = apierror.Invalid(name, "The provider of this model is not reached by Chat Completions, and '"+name+"' cannot be translated for it: "+why+".")
	}
}

func (d *decoder) string(m *jsonscan.Members, name string) string {
	switch m.Kind() {
	case '"':
		return jsonscan.String(d.text, m.Value)
	case 'n':
	default:
		d.wrong(name, "a string")
	}
	return ""
}

func (d *decoder) number(m *jsonscan.Members, name string) string {
	if kind := m.Kind(); kind != '-' && (kind < '0' || kind > '9') {
		d.wrong(name, "a number")
		return ""
	}
	return string(m.Value.Of(d.text))
}

func (d *decoder) flag(m *jsonscan.Members, name string) *bool {
	b := boolean(d.text, m.Value)
	if b == nil && m.Kind() != 'n' {
		d.wrong(name, "a boolean")
	}
	return b
}

// boolean is a true or a false; all else is nil.
func boolean(text []byte, at jsonscan.Span) *bool {
	if at.Empty() || text[at.Start] != 't' && text[at.Start] != 'f' {
		return nil
	}
	b := text[at.Start] == 't'
	return &b
}
