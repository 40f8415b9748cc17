package chat

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// decoder reads a request whole.
type decoder struct {
	wire.Reader
	out *genai.Request
}

// Decode reads the whole request, for a provider of another protocol. metadata is the
// ledger's: it stays here.
func (r *Request) Decode() (*genai.Request, *apierror.Error) {
	d := decoder{Reader: wire.Reader{Text: r.head.Body, API: "Chat Completions"}, out: &genai.Request{From: genai.Chat, User: r.head.User, Stream: r.head.Stream}}
	d.out.MaxTokens = max(r.number(r.maxTokens), r.number(r.maxCompletion))
	d.out.Choices = r.number(r.n)
	for m := jsonscan.Object(d.Text, jsonscan.Space(d.Text, 0)); d.Err == nil && m.Advance(); {
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
	if d.Err != nil {
		return nil, d.Err
	}
	return d.out, nil
}

// member takes one of the request's members that is not null.
func (d *decoder) member(m *jsonscan.Members) {
	d.List = ""
	out := d.out
	switch name := string(m.Name()); name {
	case "model", "stream", "stream_options", "user", "metadata", "requesty", "n", "max_tokens", "max_completion_tokens":
	case "tools":
		d.tools(m.Value)
	case "tool_choice":
		d.choice(m.Value)
	case "functions", "function_call":
		d.Refuse(name, "it is retired: use tools and tool_choice")
	case "parallel_tool_calls":
		out.Parallel = d.Flag(m, name)
	case "temperature":
		out.Temperature = d.Number(m, name)
	case "top_p":
		out.TopP = d.Number(m, name)
	case "top_k":
		out.TopK = d.Number(m, name)
	case "seed":
		out.Seed = d.Number(m, name)
	case "presence_penalty":
		out.Presence = d.Number(m, name)
	case "frequency_penalty":
		out.Frequency = d.Number(m, name)
	case "stop":
		d.stop(m.Value)
	case "logprobs":
		logprobs := d.Flag(m, name)
		out.LogProbs = logprobs != nil && *logprobs
	case "top_logprobs":
		out.TopLogProbs = d.Number(m, name)
	case "response_format":
		d.format(m.Value)
	case "reasoning_effort":
		d.reasoning().Effort = d.String(m, name)
		d.out.Reasoning.Off = d.out.Reasoning.Effort == "none"
	case "reasoning":
		d.reasoningObject(m.Value)
	case "thinking":
		d.thinking(m.Value)
	case "verbosity":
		out.Verbosity = d.String(m, name)
	case "service_tier":
		out.ServiceTier = d.String(m, name)
	case "web_search_options":
		out.Tools = append(out.Tools, genai.Tool{Server: "web_search", Name: "web_search", Raw: m.Value.Of(d.Text), From: genai.Chat})
	default:
		out.Extra = append(out.Extra, genai.Field{Name: name, Raw: m.Value.Of(d.Text)})
	}
}

func (d *decoder) stop(at jsonscan.Span) {
	if d.Text[at.Start] == '"' {
		d.out.Stop = []string{jsonscan.String(d.Text, at)}
		return
	}
	e := jsonscan.Array(d.Text, at.Start)
	for e.Next() {
		if e.Kind() != '"' {
			break
		}
		d.out.Stop = append(d.out.Stop, jsonscan.String(d.Text, e.Value))
	}
	if !e.OK() {
		d.Wrong("stop", "a string or an array of strings")
	}
}

func (d *decoder) format(at jsonscan.Span) {
	if d.Text[at.Start] != '{' {
		d.Wrong("response_format", "an object")
		return
	}
	switch typ := wire.String(d.Text, wire.Member(d.Text, at, "type")); typ {
	case "text":
	case "json_object":
		d.out.Output = &genai.Output{}
	case "json_schema":
		inner := wire.Member(d.Text, at, "json_schema")
		schema := wire.Member(d.Text, inner, "schema")
		if schema.Empty() || d.Text[schema.Start] != '{' {
			d.Wrong("response_format.json_schema.schema", "a JSON Schema")
			return
		}
		d.out.Output = &genai.Output{Schema: schema.Of(d.Text), Name: wire.String(d.Text, wire.Member(d.Text, inner, "name")),
			Description: wire.String(d.Text, wire.Member(d.Text, inner, "description")), Strict: wire.Boolean(d.Text, wire.Member(d.Text, inner, "strict"))}
	default:
		d.Wrong("response_format.type", "text, json_object or json_schema")
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
	if d.Text[at.Start] != '{' {
		d.Wrong("reasoning", "an object")
		return
	}
	r := d.reasoning()
	for m := jsonscan.Object(d.Text, at.Start); m.Next() && d.Err == nil; {
		switch string(m.Name()) {
		case "effort":
			if r.Effort = d.String(&m, "reasoning.effort"); r.Effort == "none" {
				r.Off = true
			}
		case "max_tokens":
			r.Budget = max(0, wire.Count(m.Value.Of(d.Text)))
		case "enabled":
			r.Off = m.Kind() == 'f'
		case "summary":
			r.Summary = d.String(&m, "reasoning.summary")
		}
	}
}

// thinking reads Anthropic's form of it, as LiteLLM's clients send it.
func (d *decoder) thinking(at jsonscan.Span) {
	if d.Text[at.Start] != '{' {
		d.Wrong("thinking", "an object")
		return
	}
	r := d.reasoning()
	r.Off = wire.String(d.Text, wire.Member(d.Text, at, "type")) == "disabled"
	if budget := wire.Member(d.Text, at, "budget_tokens"); !budget.Empty() {
		r.Budget = max(0, wire.Count(budget.Of(d.Text)))
	}
}
