package responses

import (
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// decoder reads a request whole.
type decoder struct {
	wire.Reader
	out  *genai.Request
	uses int64
	// signature is of the call that comes next.
	signature string
}

// Decode reads the whole request, for a provider of another protocol. metadata is the
// ledger's: it stays here.
func (r *Request) Decode() (*genai.Request, *apierror.Error) {
	d := decoder{Reader: wire.Reader{Text: r.head.Body, API: "the Responses API"}, out: &genai.Request{From: genai.Responses, User: r.head.User, Stream: r.head.Stream}}
	d.uses = r.number(r.maxTools)
	d.out.MaxTokens = r.number(r.maxOutput)
	if !r.instructions.Empty() {
		d.instructions(r.instructions)
	}
	for m := jsonscan.Object(d.Text, jsonscan.Space(d.Text, 0)); d.Err == nil && m.Advance(); {
		if m.Kind() == '[' && string(m.Name()) == "input" { // nearly all of the text: it is walked once
			e := m.Array()
			d.items(&e)
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

func (d *decoder) instructions(at jsonscan.Span) {
	switch d.Text[at.Start] {
	case '"':
		d.out.Messages = append(d.out.Messages, genai.Message{Index: -1, Role: genai.System,
			Parts: []genai.Part{{Text: jsonscan.String(d.Text, at)}}})
	case '[':
		d.Refuse("instructions", "send them as a string")
	}
}

// member takes one of the request's members that is not null.
func (d *decoder) member(m *jsonscan.Members) {
	d.List = ""
	out := d.out
	switch name := string(m.Name()); name {
	case "model", "instructions", "stream", "stream_options", "user", "metadata", wire.Router, "max_output_tokens", "max_tool_calls", "background":
	case "previous_response_id", "conversation":
		d.Refuse(name, "that provider keeps no conversations, so send the whole of it as input")
	case "prompt":
		d.Refuse(name, "send what the prompt says as instructions and input")
	case "input":
		out.Messages = append(out.Messages, genai.Message{Parts: []genai.Part{{Text: d.String(m, name)}}})
	case "tools":
		d.tools(m.Value)
	case "tool_choice":
		d.choice(m.Value)
	case "parallel_tool_calls":
		if out.Parallel = wire.Boolean(d.Text, m.Value); out.Parallel == nil {
			d.Wrong(name, "a boolean")
		}
	case "temperature":
		out.Temperature = d.Number(m, name)
	case "top_p":
		out.TopP = d.Number(m, name)
	case "top_logprobs":
		out.TopLogProbs = d.Number(m, name)
		out.LogProbs = out.TopLogProbs != "0"
		if !out.LogProbs {
			out.TopLogProbs = ""
		}
	case "text":
		d.form(m.Value)
	case "reasoning":
		d.reasoning(m.Value)
	case "include":
		d.include(m.Value)
	case "service_tier":
		out.ServiceTier = d.String(m, name)
	case "store": // what is not asked for is what every other protocol does
		if m.Kind() == 't' {
			d.extra(name, m.Value)
		}
	case "truncation":
		if wire.String(d.Text, m.Value) != "disabled" {
			d.extra(name, m.Value)
		}
	default:
		d.extra(name, m.Value)
	}
}

func (d *decoder) extra(name string, at jsonscan.Span) {
	d.out.Extra = append(d.out.Extra, genai.Field{Name: name, Raw: at.Of(d.Text)})
}

func (d *decoder) form(at jsonscan.Span) {
	if d.Text[at.Start] != '{' {
		d.Wrong("text", "an object")
		return
	}
	d.out.Verbosity = wire.String(d.Text, wire.Member(d.Text, at, "verbosity"))
	format := wire.Member(d.Text, at, "format")
	if format.Empty() {
		return
	}
	switch wire.String(d.Text, wire.Member(d.Text, format, "type")) {
	case "text":
	case "json_object":
		d.out.Output = &genai.Output{}
	case "json_schema":
		schema := wire.Member(d.Text, format, "schema")
		if schema.Empty() || d.Text[schema.Start] != '{' {
			d.Wrong("text.format.schema", "a JSON Schema")
			return
		}
		d.out.Output = &genai.Output{Schema: schema.Of(d.Text), Name: wire.String(d.Text, wire.Member(d.Text, format, "name")),
			Description: wire.String(d.Text, wire.Member(d.Text, format, "description")), Strict: wire.Boolean(d.Text, wire.Member(d.Text, format, "strict"))}
	default:
		d.Wrong("text.format.type", "text, json_object or json_schema")
	}
}

func (d *decoder) reasoning(at jsonscan.Span) {
	if d.Text[at.Start] != '{' {
		d.Wrong("reasoning", "an object")
		return
	}
	r := &genai.Reasoning{}
	for m := jsonscan.Object(d.Text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "effort":
			r.Effort = d.String(&m, "reasoning.effort")
			r.Off = r.Effort == "none"
		case "summary", "generate_summary":
			if s := d.String(&m, "reasoning.summary"); s != "" {
				r.Summary = s
			}
		}
	}
	if *r != (genai.Reasoning{}) {
		d.out.Reasoning = r
	}
}

// include reads what the answer is to have beside: what the gateway gives anyway needs
// no asking.
func (d *decoder) include(at jsonscan.Span) {
	others := false
	for e := jsonscan.Array(d.Text, at.Start); e.Next(); {
		switch wire.String(d.Text, e.Value) {
		case "message.output_text.logprobs":
			d.out.LogProbs = true
		case "reasoning.encrypted_content":
		default:
			others = true
		}
	}
	if others {
		d.extra("include", at)
	}
}

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
	get := func(name string) jsonscan.Span { return wire.Member(d.Text, at, name) }
	typ := wire.String(d.Text, get("type"))
	t := genai.Tool{Name: wire.String(d.Text, get("name")), Description: wire.String(d.Text, get("description"))}
	switch typ {
	case "function":
		t.Strict = wire.Boolean(d.Text, get("strict"))
		if schema := get("parameters"); !schema.Empty() {
			if d.Text[schema.Start] != '{' {
				d.Wrong("parameters", "a JSON Schema")
				return
			}
			t.Parameters = schema.Of(d.Text)
		}
	case "custom":
		t.Raw, t.From = at.Of(d.Text), genai.Responses
	case "":
		d.Wrong("type", "a string")
		return
	default:
		t.Server, t.Name, t.Raw, t.From, t.MaxUses = typ, typ, at.Of(d.Text), genai.Responses, d.uses
		if strings.HasPrefix(typ, "web_search") {
			t.Server = "web_search"
		}
	}
	if t.Name == "" {
		d.Wrong("name", "the tool's name")
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
		case "required":
			d.out.Choice.Mode = genai.ToolRequired
		default:
			d.Wrong("tool_choice", want)
		}
		return
	}
	name := wire.String(d.Text, wire.Member(d.Text, at, "name"))
	switch typ := wire.String(d.Text, wire.Member(d.Text, at, "type")); typ {
	case "":
		d.Wrong("tool_choice", want)
	case "allowed_tools":
		d.Refuse("tool_choice", "send only the tools that are allowed")
	case "function", "custom":
		if name == "" {
			d.Wrong("tool_choice.name", "the tool's name")
		}
	default:
		name = typ // a tool that the provider runs
	}
	d.out.Choice = genai.ToolChoice{Mode: genai.ToolNamed, Name: name}
}
