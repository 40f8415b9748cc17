package chat

import (
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// seen is what has been read of an answer so far. The last two are kept as bytes on
// the way, and become strings once.
type seen struct {
	wire.Seen

	finish []byte
	tier   []byte
}

func (s *seen) text(text []byte, value jsonscan.Span) { s.AddText(text[value.Start+1 : value.End-1]) }

// choices reads the choices of an answer or a chunk; usage is where a vendor
// put it inside a choice, if one did. Like all below, it walks its iterator to
// the end, so that every byte of an answer is looked at once.
func (s *seen) choices(text []byte, e *jsonscan.Elements) (usage jsonscan.Span, any bool) {
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

func (s *seen) message(text []byte, m *jsonscan.Members) {
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
func (s *seen) parts(text []byte, of *jsonscan.Members) {
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

func (s *seen) calls(text []byte, of *jsonscan.Members) {
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

func (s *seen) function(text []byte, m *jsonscan.Members) {
	for m.Next() {
		if name := m.Name(); (string(name) == "name" || string(name) == "arguments") && m.Kind() == '"' {
			s.text(text, m.Value)
		}
	}
}

// settle turns what was kept as bytes on the way into strings.
func (s *seen) settle() {
	if len(s.finish) > 0 {
		s.FinishReason = jsonscan.String(s.finish, jsonscan.Span{End: len(s.finish)})
	}
	if len(s.tier) > 0 {
		s.ServiceTier = jsonscan.String(s.tier, jsonscan.Span{End: len(s.tier)})
	}
}
