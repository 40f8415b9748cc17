package responses

import (
	"fmt"
	"strings"

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
	uses  int64
	// signature is of the call that comes next.
	signature string
	err       *apierror.Error
}

// Decode reads the whole request, for a provider of another protocol. metadata is the
// ledger's: it stays here.
func (r *Request) Decode() (*genai.Request, *apierror.Error) {
	d := decoder{text: r.head.Body, out: &genai.Request{From: genai.Responses, User: r.head.User, Stream: r.head.Stream}}
	d.uses = r.number(r.maxTools)
	d.out.MaxTokens = r.number(r.maxOutput)
	if !r.instructions.Empty() {
		d.instructions(r.instructions)
	}
	for m := jsonscan.Object(d.text, jsonscan.Space(d.text, 0)); d.err == nil && m.Advance(); {
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
	if d.err != nil {
		return nil, d.err
	}
	return d.out, nil
}

func (d *decoder) instructions(at jsonscan.Span) {
	switch d.text[at.Start] {
	case '"':
		d.out.Messages = append(d.out.Messages, genai.Message{Index: -1, Role: genai.System,
			Parts: []genai.Part{{Text: jsonscan.String(d.text, at)}}})
	case '[':
		d.refuse("instructions", "send them as a string")
	}
}

// member takes one of the request's members that is not null.
func (d *decoder) member(m *jsonscan.Members) {
	d.list = ""
	out := d.out
	switch name := string(m.Name()); name {
	case "model", "instructions", "stream", "stream_options", "user", "metadata", wire.Router, "max_output_tokens", "max_tool_calls", "background":
	case "previous_response_id", "conversation":
		d.refuse(name, "that provider keeps no conversations, so send the whole of it as input")
	case "prompt":
		d.refuse(name, "send what the prompt says as instructions and input")
	case "input":
		out.Messages = append(out.Messages, genai.Message{Parts: []genai.Part{{Text: d.string(m, name)}}})
	case "tools":
		d.tools(m.Value)
	case "tool_choice":
		d.choice(m.Value)
	case "parallel_tool_calls":
		if out.Parallel = boolean(d.text, m.Value); out.Parallel == nil {
			d.wrong(name, "a boolean")
		}
	case "temperature":
		out.Temperature = d.number(m, name)
	case "top_p":
		out.TopP = d.number(m, name)
	case "top_logprobs":
		out.TopLogProbs = d.number(m, name)
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
		out.ServiceTier = d.string(m, name)
	case "store": // what is not asked for is what every other protocol does
		if m.Kind() == 't' {
			d.extra(name, m.Value)
		}
	case "truncation":
		if wire.String(d.text, m.Value) != "disabled" {
			d.extra(name, m.Value)
		}
	default:
		d.extra(name, m.Value)
	}
}

func (d *decoder) extra(name string, at jsonscan.Span) {
	d.out.Extra = append(d.out.Extra, genai.Field{Name: name, Raw: at.Of(d.text)})
}

func (d *decoder) form(at jsonscan.Span) {
	if d.text[at.Start] != '{' {
		d.wrong("text", "an object")
		return
	}
	d.out.Verbosity = wire.String(d.text, wire.Member(d.text, at, "verbosity"))
	format := wire.Member(d.text, at, "format")
	if format.Empty() {
		return
	}
	switch wire.String(d.text, wire.Member(d.text, format, "type")) {
	case "text":
	case "json_object":
		d.out.Output = &genai.Output{}
	case "json_schema":
		schema := wire.Member(d.text, format, "schema")
		if schema.Empty() || d.text[schema.Start] != '{' {
			d.wrong("text.format.schema", "a JSON Schema")
			return
		}
		d.out.Output = &genai.Output{Schema: schema.Of(d.text), Name: wire.String(d.text, wire.Member(d.text, format, "name")),
			Description: wire.String(d.text, wire.Member(d.text, format, "description")), Strict: boolean(d.text, wire.Member(d.text, format, "strict"))}
	default:
		d.wrong("text.format.type", "text, json_object or json_schema")
	}
}

func (d *decoder) reasoning(at jsonscan.Span) {
	if d.text[at.Start] != '{' {
		d.wrong("reasoning", "an object")
		return
	}
	r := &genai.Reasoning{}
	for m := jsonscan.Object(d.text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "effort":
			r.Effort = d.string(&m, "reasoning.effort")
			r.Off = r.Effort == "none"
		case "summary", "generate_summary":
			if s := d.string(&m, "reasoning.summary"); s != "" {
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
	for e := jsonscan.Array(d.text, at.Start); e.Next(); {
		switch wire.String(d.text, e.Value) {
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
	get := func(name string) jsonscan.Span { return wire.Member(d.text, at, name) }
	typ := wire.String(d.text, get("type"))
	t := genai.Tool{Name: wire.String(d.text, get("name")), Description: wire.String(d.text, get("description"))}
	switch typ {
	case "function":
		t.Strict = boolean(d.text, get("strict"))
		if schema := get("parameters"); !schema.Empty() {
			if d.text[schema.Start] != '{' {
				d.wrong("parameters", "a JSON Schema")
				return
			}
			t.Parameters = schema.Of(d.text)
		}
	case "custom":
		t.Raw, t.From = at.Of(d.text), genai.Responses
	case "":
		d.wrong("type", "a string")
		return
	default:
		t.Server, t.Name, t.Raw, t.From, t.MaxUses = typ, typ, at.Of(d.text), genai.Responses, d.uses
		if strings.HasPrefix(typ, "web_search") {
			t.Server = "web_search"
		}
	}
	if t.Name == "" {
		d.wrong("name", "the tool's name")
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
		case "required":
			d.out.Choice.Mode = genai.ToolRequired
		default:
			d.wrong("tool_choice", want)
		}
		return
	}
	name := wire.String(d.text, wire.Member(d.text, at, "name"))
	switch typ := wire.String(d.text, wire.Member(d.text, at, "type")); typ {
	case "":
		d.wrong("tool_choice", want)
	case "allowed_tools":
		d.refuse("tool_choice", "send only the tools that are allowed")
	case "function", "custom":
		if name == "" {
			d.wrong("tool_choice.name", "the tool's name")
		}
	default:
		name = typ // a tool that the provider runs
	}
	d.out.Choice = genai.ToolChoice{Mode: genai.ToolNamed, Name: name}
}

// field is the name of a field under what is walked.
func (d *decoder) field(name string) string {
	switch {
	case d.list == "":
		return name
	case name == "":
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
func (d *decoder) refuse(name, remedy string) {
	if d.err == nil {
		name = d.field(name)
		d.err = apierror.Invalid(name, "The provider of this model is not reached by the Responses API, and '"+name+"' cannot be translated for it: "+remedy+".")
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

// boolean is a true or a false; all else is nil.
func boolean(text []byte, at jsonscan.Span) *bool {
	if at.Empty() || text[at.Start] != 't' && text[at.Start] != 'f' {
		return nil
	}
	b := text[at.Start] == 't'
	return &b
}
