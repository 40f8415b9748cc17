package messages

import (
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// seen is what has been read of an answer so far. The stop reason is kept as bytes on the
// way, and becomes a string once.
type seen struct {
	wire.Seen
	counts counts

	finish, sequence []byte // JSON strings
}

// message is one message object of an answer, a plain one or that of a stream's first
// event, with the places that the gateway edits.
type message struct {
	start   int // the brace
	end     int
	model   jsonscan.Span
	usage   jsonscan.Span // empty when absent or null
	none    jsonscan.Span // of usage when it is null
	err     jsonscan.Span // of error; empty when absent or null
	content bool          // there is an array of content
	last    int           // the end of the last member's value
	empty   bool
}

// read walks the object at text[start]. It is false when there is none.
func (b *message) read(text []byte, start int, s *seen) bool {
	*b = message{start: start, last: start + 1, empty: true}
	m := jsonscan.Object(text, start)
	for m.Advance() {
		kind, name := m.Kind(), m.Name()
		if kind == '[' && string(name) == "content" {
			blocks := m.Array()
			s.blocks(text, &blocks)
			m.Resume(blocks.Pos(), blocks.OK())
			b.content, b.last, b.empty = true, m.Value.End, false
			continue
		}
		if !m.Skip() {
			break
		}
		b.last, b.empty = m.Value.End, false
		switch string(name) {
		case "id":
			if kind == '"' && s.ID == "" {
				s.ID = jsonscan.String(text, m.Value)
			}
		case "model":
			b.model = m.Value
		case "error":
			if kind != 'n' {
				b.err = m.Value
			}
		case "usage":
			if kind == '{' {
				b.usage = m.Value
			} else {
				b.none = m.Value
			}
		case "stop_reason":
			if kind == '"' {
				s.finish = append(s.finish[:0], m.Value.Of(text)...)
			}
		}
	}
	b.end = m.Pos()
	return m.OK()
}

// setModel is the edit that makes the model what the client is told.
func (b *message) setModel(model []byte) jsonscan.Edit {
	if !b.model.Empty() {
		return jsonscan.Replace(b.model, model)
	}
	text := append([]byte(`"model":`), model...)
	if !b.empty {
		text = append(text, ',')
	}
	return jsonscan.InsertAt(b.start+1, text)
}

// report takes the usage object at the span.
func (s *seen) report(text []byte, at jsonscan.Span) usageSpans {
	spans := s.counts.read(text, at)
	s.Usage, s.HasUsage = s.counts.usage(), true
	return spans
}

// blocks reads the blocks of a plain answer. Like block, it walks its iterator to the
// end, so that every byte is looked at once.
func (s *seen) blocks(text []byte, e *jsonscan.Elements) {
	for e.Advance() {
		if e.Kind() != '{' {
			e.Skip()
			continue
		}
		m := e.Object()
		s.block(text, &m)
		e.Resume(m.Pos(), m.OK())
	}
}

// block reads a block or a delta.
func (s *seen) block(text []byte, m *jsonscan.Members) {
	for m.Next() {
		kind := m.Kind()
		switch string(m.Name()) {
		case "text", "thinking", "name", "partial_json":
			if kind == '"' {
				s.AddText(text[m.Value.Start+1 : m.Value.End-1])
			}
		case "input":
			if kind == '{' && m.Value.End-m.Value.Start > 2 {
				s.AddText(m.Value.Of(text))
			}
		case "stop_reason":
			if kind == '"' {
				s.finish = append(s.finish[:0], m.Value.Of(text)...)
			}
		case "stop_sequence":
			if kind == '"' {
				s.sequence = append(s.sequence[:0], m.Value.Of(text)...)
			}
		}
	}
}

// settle turns what was kept as bytes on the way into strings, once.
func (s *seen) settle() {
	if len(s.finish) > 0 {
		s.FinishReason = jsonscan.String(s.finish, jsonscan.Span{End: len(s.finish)})
	}
	if tier := s.counts.serviceTier(); tier != "" {
		s.ServiceTier = tier
	}
}
