package responses

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// NewEncoder writes the stream of another protocol.
func (Format) NewEncoder(to *wire.Reply) wire.Encoder {
	return &encoder{to: to, items: wire.JSON("[")}
}

// encoder writes events. The texts are gathered on the way, too: the events that end
// parts, items and the response repeat them whole.
type encoder struct {
	to       *wire.Reply
	sequence int64
	begun    bool
	tier     string
	stop     genai.Stop
	refused  bool

	items wire.JSON // those that are done
	count int       // output_index of the item under way, or of the next one
	parts []genai.Part
	id    string // of the item under way
	open  bool   // its last part is
	text  strings.Builder
	probs []byte // the elements of the log-probabilities of its message
}

// Encode appends what a client is told of an event.
func (s *encoder) Encode(out []byte, e *genai.Event) []byte {
	if e.ServiceTier != "" {
		s.tier = e.ServiceTier
	}
	if e.Kind == genai.Ping {
		return append(out, ": ping\n\n"...)
	}
	out = s.begin(out)
	if e.Choice > 0 {
		return out // there is one: n is refused
	}
	switch e.Kind {
	case genai.PartStart:
		return s.start(out, e)
	case genai.Delta:
		if len(s.parts) > 0 && s.open {
			return s.delta(out, e)
		}
	case genai.PartEnd:
		return s.endPart(out)
	case genai.Finish:
		s.stop = e.Stop
		return s.endItem(out)
	}
	return out
}

// begin tells that there is a response.
func (s *encoder) begin(out []byte) []byte {
	if s.begun {
		return out
	}
	s.begun = true
	for _, typ := range [...]string{"response.created", "response.in_progress"} {
		j := s.event(out, typ)
		appendResponse(&j, "response", s.to, s.to.Created, running, "", s.tier, []byte("[]"), nil)
		out = end(j)
	}
	return out
}

// event begins an event.
func (s *encoder) event(out []byte, typ string) wire.JSON {
	j := wire.JSON(append(append(append(out, "event: "...), typ...), "\ndata: "...))
	j.Open("", '{')
	j.Text("type", typ)
	j.Int("sequence_number", s.sequence)
	s.sequence++
	return j
}

// of begins an event of the item under way.
func (s *encoder) of(out []byte, typ string) wire.JSON {
	j := s.event(out, typ)
	j.Text("item_id", s.id)
	j.Int("output_index", int64(s.count))
	return j
}

// inside begins an event of the part under way.
func (s *encoder) inside(out []byte, typ string) wire.JSON {
	j := s.of(out, typ)
	switch s.last().Kind {
	case genai.Text, genai.Refusal:
		j.Int("content_index", int64(len(s.parts)-1))
	case genai.Thinking:
		j.Int("summary_index", 0)
	}
	return j
}

func end(j wire.JSON) []byte {
	j.Close('}')
	return append(j, "\n\n"...)
}

func (s *encoder) last() *genai.Part { return &s.parts[len(s.parts)-1] }

func (s *encoder) start(out []byte, e *genai.Event) []byte {
	out = s.endPart(out)
	p := e.Part
	if !shown(&p) {
		return s.endItem(out)
	}
	text := p.Text
	p.Text, p.Citations = "", nil
	if p.Call != nil {
		call := *p.Call
		text, call.Arguments = call.Arguments, ""
		p.Call = &call
	}
	if len(s.parts) == 0 || !spoken(p.Kind) || !spoken(s.last().Kind) {
		out = s.endItem(out)
		if p.Call != nil && p.Call.Signature != "" {
			out = s.endItem(s.start(out, &genai.Event{Part: signed(p.Call)}))
		}
		s.parts = append(s.parts[:0], p)
		s.id = idOf(&p, s.to, s.count)
		shell := p
		shell.Proof = nil
		if p.Kind == genai.Image {
			shell.Media = &genai.Media{}
		}
		j := s.event(out, "response.output_item.added")
		j.Int("output_index", int64(s.count))
		appendItem(&j, "item", s.id, running, []genai.Part{shell}, nil)
		out = end(j)
	} else {
		s.parts = append(s.parts, p)
	}
	s.open = true
	s.text.Reset()
	switch p.Kind {
	case genai.Text, genai.Refusal:
		j := s.inside(out, "response.content_part.added")
		appendPart(&j, &p, nil)
		out = end(j)
	}
	if text != "" {
		out = s.say(out, text, nil)
	}
	for i := range e.Part.Citations {
		out = s.cite(out, &e.Part.Citations[i])
	}
	return out
}

// appendPart writes the part of an event.
func appendPart(j *wire.JSON, p *genai.Part, logprobs []byte) {
	var inner wire.JSON
	if p.Kind == genai.Thinking {
		inner.Open("", '{')
		inner.Text("type", "summary_text")
		inner.Text("text", p.Text)
		inner.Close('}')
	} else {
		appendOutput(&inner, p, 0, logprobs)
	}
	j.Raw("part", inner)
}

func (s *encoder) delta(out []byte, e *genai.Event) []byte {
	switch e.Delta {
	case genai.DeltaText, genai.DeltaArguments:
		return s.say(out, e.Text, e.LogProbs)
	case genai.DeltaSignature: // told with the end of the item
		proof := genai.Proof{From: genai.Anthropic}
		if s.last().Proof != nil {
			proof = *s.last().Proof
		}
		proof.Signature += e.Text
		s.last().Proof = &proof
	case genai.DeltaCitation:
		if e.Citation != nil {
			return s.cite(out, e.Citation)
		}
	}
	return out
}

// say goes on with the part under way.
func (s *encoder) say(out []byte, text string, logprobs []byte) []byte {
	p := s.last()
	typ := ""
	switch p.Kind {
	case genai.Text:
		typ = "response.output_text.delta"
	case genai.Refusal:
		typ = "response.refusal.delta"
	case genai.Thinking:
		typ = "response.reasoning_summary_text.delta"
		if s.text.Len() == 0 {
			j := s.inside(out, "response.reasoning_summary_part.added")
			appendPart(&j, p, nil)
			out = end(j)
		}
	case genai.Call:
		if typ = "response.function_call_arguments.delta"; p.Call.Custom {
			typ = "response.custom_tool_call_input.delta"
		}
	default:
		return out
	}
	s.text.WriteString(text)
	j := s.inside(out, typ)
	j.Text("delta", text)
	if p.Kind == genai.Text {
		probs := list(logprobs)
		j.Raw("logprobs", probs)
		if inner := probs[1 : len(probs)-1]; len(inner) > 0 {
			if len(s.probs) > 0 {
				s.probs = append(s.probs, ',')
			}
			s.probs = append(s.probs, inner...)
		}
	}
	return end(j)
}

func (s *encoder) cite(out []byte, c *genai.Citation) []byte {
	p := s.last()
	if p.Kind != genai.Text {
		return out
	}
	own := *c
	j := s.inside(out, "response.output_text.annotation.added")
	j.Int("annotation_index", int64(len(p.Citations)))
	appendAnnotation(&j, "annotation", &own, 0)
	p.Citations = append(p.Citations, own)
	return end(j)
}

// endPart tells the part under way whole.
func (s *encoder) endPart(out []byte) []byte {
	if !s.open {
		return out
	}
	s.open = false
	p := s.last()
	whole := s.text.String()
	told := func(typ, name string) {
		j := s.inside(out, typ)
		j.Text(name, whole)
		if p.Kind == genai.Text {
			j.Raw("logprobs", list(s.logprobs()))
		}
		out = end(j)
	}
	switch p.Kind {
	case genai.Text:
		p.Text = whole
		told("response.output_text.done", "text")
	case genai.Refusal:
		p.Text, s.refused = whole, true
		told("response.refusal.done", "refusal")
	case genai.Thinking:
		p.Text = whole
		if whole != "" {
			told("response.reasoning_summary_text.done", "text")
			j := s.inside(out, "response.reasoning_summary_part.done")
			appendPart(&j, p, nil)
			out = end(j)
		}
	case genai.Call:
		if p.Call.Arguments = whole; p.Call.Custom {
			told("response.custom_tool_call_input.done", "input")
			break
		}
		if whole == "" {
			whole = "{}"
		}
		told("response.function_call_arguments.done", "arguments")
	}
	if spoken(p.Kind) {
		j := s.inside(out, "response.content_part.done")
		appendPart(&j, p, s.logprobs())
		out = end(j)
	}
	return out
}

// logprobs is Chat's object of what has come of the message.
func (s *encoder) logprobs() []byte {
	if len(s.probs) == 0 {
		return nil
	}
	var j wire.JSON
	j.Open("", '{')
	j.Open("content", '[')
	j = append(j, s.probs...)
	j.Close(']')
	j.Close('}')
	return j
}

// endItem tells the item under way whole.
func (s *encoder) endItem(out []byte) []byte {
	out = s.endPart(out)
	if len(s.parts) == 0 {
		return out
	}
	appendItem(&s.items, "", s.id, completed, s.parts, s.logprobs())
	j := s.event(out, "response.output_item.done")
	j.Int("output_index", int64(s.count))
	appendItem(&j, "item", s.id, completed, s.parts, s.logprobs())
	s.parts, s.probs = s.parts[:0], nil
	s.count++
	return end(j)
}

// AppendEnd appends the response whole.
func (s *encoder) AppendEnd(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	out = s.endItem(s.begin(out))
	status, reason := ending(s.stop, s.refused)
	j := s.event(out, "response."+status)
	appendResponse(&j, "response", s.to, s.to.Created, status, reason, s.tier, append(s.items, ']'), func() { appendUsage(&j, "usage", usage, bill) })
	return end(j)
}
