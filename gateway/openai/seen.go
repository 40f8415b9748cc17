package openai

import "weir/gateway/jsonscan"

// maxText bounds the output text that is kept for a provider that reports no
// usage; what comes after it is only counted.
const maxText = 4 << 20

// Seen is what the gateway has read of an answer so far.
type Seen struct {
	ID           string // the provider's own id of the call
	ServiceTier  string
	FinishReason string
	Usage        Usage
	HasUsage     bool
	Content      bool // some output has come: text, reasoning or a tool call

	// Text is the output as it stands in the JSON, escapes included, for
	// counting tokens when the provider reports none. Unkept is how many more
	// bytes there were than are kept.
	Text   []byte
	Unkept int64

	finish []byte
	tier   []byte
}

func (s *Seen) text(text []byte, value jsonscan.Span) {
	inner := text[value.Start+1 : value.End-1]
	if len(inner) == 0 {
		return
	}
	s.Content = true
	if len(inner) > maxText-len(s.Text) {
		s.Unkept += int64(len(inner)) // whole or not at all: no escape is cut
		return
	}
	s.Text = append(s.Text, inner...)
}

// choices reads the choices of an answer or a chunk; usage is where a vendor
// put it inside a choice, if one did. Like all below, it walks its iterator to
// the end, so that every byte of an answer is looked at once.
func (s *Seen) choices(text []byte, e *jsonscan.Elements) (usage jsonscan.Span, any bool) {
	for e.Advance() {
		any = true
		if e.Kind() != '{' {
			e.Skip()
			continue
		}
		m := e.Object()
		for m.Advance() {
			kind := m.Kind()
			switch string(m.Name()) {
			case "delta", "message":
				if kind == '{' {
					message := m.Object()
					s.message(text, &message)
					m.Resume(message.Pos(), message.OK())
					continue
				}
			case "text":
				if m.Skip() && kind == '"' {
					s.text(text, m.Value)
				}
				continue
			case "finish_reason":
				if m.Skip() && kind == '"' {
					s.finish = append(s.finish[:0], m.Value.Of(text)...)
				}
				continue
			case "usage":
				if m.Skip() && kind == '{' {
					usage = m.Value
				}
				continue
			}
			m.Skip()
		}
		e.Resume(m.Pos(), m.OK())
	}
	return usage, any
}

func (s *Seen) message(text []byte, m *jsonscan.Members) {
	for m.Advance() {
		kind := m.Kind()
		switch string(m.Name()) {
		case "content", "reasoning", "reasoning_content", "refusal":
			switch kind {
			case '"':
				if m.Skip() {
					s.text(text, m.Value)
				}
				continue
			case '[':
				s.parts(text, m)
				continue
			}
		case "tool_calls":
			if kind == '[' {
				s.calls(text, m)
				continue
			}
		case "function_call":
			if kind == '{' {
				function := m.Object()
				s.function(text, &function)
				m.Resume(function.Pos(), function.OK())
				continue
			}
		}
		m.Skip()
	}
}

// parts reads content given as a list of parts.
func (s *Seen) parts(text []byte, of *jsonscan.Members) {
	e := of.Array()
	for e.Advance() {
		if e.Kind() != '{' {
			e.Skip()
			continue
		}
		m := e.Object()
		for m.Next() {
			if string(m.Name()) == "text" && m.Kind() == '"' {
				s.text(text, m.Value)
			}
		}
		e.Resume(m.Pos(), m.OK())
	}
	of.Resume(e.Pos(), e.OK())
}

func (s *Seen) calls(text []byte, of *jsonscan.Members) {
	e := of.Array()
	for e.Advance() {
		if e.Kind() != '{' {
			e.Skip()
			continue
		}
		m := e.Object()
		for m.Advance() {
			if string(m.Name()) != "function" || m.Kind() != '{' {
				m.Skip()
				continue
			}
			function := m.Object()
			s.function(text, &function)
			m.Resume(function.Pos(), function.OK())
		}
		e.Resume(m.Pos(), m.OK())
	}
	of.Resume(e.Pos(), e.OK())
}

func (s *Seen) function(text []byte, m *jsonscan.Members) {
	for m.Next() {
		if name := m.Name(); (string(name) == "name" || string(name) == "arguments") && m.Kind() == '"' {
			s.text(text, m.Value)
		}
	}
}

// Tier is the service tier that the answer has named so far.
func (s *Seen) Tier() string {
	if s.ServiceTier != "" || len(s.tier) == 0 {
		return s.ServiceTier
	}
	return jsonscan.String(s.tier, jsonscan.Span{End: len(s.tier)})
}

// settle turns what was kept as bytes on the way into strings, once.
func (s *Seen) settle() {
	if len(s.finish) > 0 {
		s.FinishReason = jsonscan.String(s.finish, jsonscan.Span{End: len(s.finish)})
	}
	s.ServiceTier = s.Tier()
}
