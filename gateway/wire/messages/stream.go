package messages

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// stream passes a provider's stream on, edited in place: the model in message_start, the
// cost in the usage of message_delta.
type stream struct {
	to *wire.Reply

	seen  seen
	end   []byte // message_stop, withheld
	err   *apierror.Error
	split wire.Splitter

	edits    []jsonscan.Edit
	joined   []byte
	started  bool
	reported bool // a message_delta has brought usage
	cut      bool // what was written last is no whole event
}

// Seen is what was read so far.
func (s *stream) Seen() *wire.Seen { return &s.seen.Seen }

// Err is how the stream failed.
func (s *stream) Err() *apierror.Error { return s.err }

// Started tells that an event of the answer has been read.
func (s *stream) Started() bool { return s.started }

// Close ends the reading: Seen is complete.
func (s *stream) Close() { s.seen.settle() }

// Feed is wire.Stream's.
func (s *stream) Feed(out, text []byte, eof bool) (_ []byte, used int, step wire.Step) {
	for {
		e, n := s.split.Next(text[used:], eof)
		if n == 0 {
			if eof && s.started && !s.reported && s.seen.finish == nil {
				s.fail(brokenOff())
			}
			return out, used, s.step()
		}
		used += n
		before := len(out)
		out = s.event(out, &e)
		s.cut = e.Cut && len(out) > before
	}
}

func (s *stream) step() wire.Step {
	switch {
	case s.err != nil:
		return wire.Failed
	case s.end != nil:
		return wire.Done
	}
	return wire.More
}

func (s *stream) fail(e *apierror.Error) {
	if s.err == nil && s.end == nil {
		s.err = e
	}
}

func (s *stream) event(out []byte, e *wire.SSE) []byte {
	open := s.step() == wire.More
	text, start := e.JSON(&s.joined)
	if len(text) == 0 {
		if len(e.Data) == 0 && !e.Known && !s.started {
			s.fail(unreadable("The provider's answer is not an event stream."))
			return out
		}
		if open {
			out = append(out, e.Raw...)
		}
		return out
	}
	s.edits = s.edits[:0]
	if !s.read(text, start, open) {
		s.fail(unreadable("The provider's stream has an event that is not a JSON object."))
		return out
	}
	kind := kindOf(text, start, e.Name)
	s.started = s.started || s.err == nil && kind != "ping"
	switch {
	case !open || s.err != nil:
		return out
	case kind == "message_stop":
		s.end = append([]byte(nil), e.Raw...)
		return out
	}
	return jsonscan.Apply(out, e.Raw, s.edits)
}

// kindOf is the event's type: what stands in the data, or the event's name.
func kindOf(text []byte, start int, name []byte) string {
	for m := jsonscan.Object(text, start); m.Next(); {
		if string(m.Name()) == "type" && m.Kind() == '"' {
			return eventType(m.Value.Of(text))
		}
	}
	return string(name)
}

// eventType decodes a type without an allocation where it has no escapes.
func eventType(quoted []byte) string {
	switch string(quoted) {
	case `"content_block_delta"`:
		return "content_block_delta"
	case `"content_block_start"`:
		return "content_block_start"
	case `"content_block_stop"`:
		return "content_block_stop"
	}
	return jsonscan.String(quoted, jsonscan.Span{End: len(quoted)})
}

// read reads the event at text[start] and notes its edits. It is false when the event is
// not one JSON object.
func (s *stream) read(text []byte, start int, open bool) bool {
	m := jsonscan.Object(text, start)
	usageAt, failed := jsonscan.Span{}, false
	for m.Advance() {
		kind := m.Kind()
		switch string(m.Name()) {
		case "message":
			if kind == '{' {
				var b message
				ok := b.read(text, m.Value.Start, &s.seen)
				m.Resume(b.end, ok)
				if ok {
					s.edits = append(s.edits, b.setModel(s.to.Quoted))
					if !b.usage.Empty() {
						s.seen.report(text, b.usage)
						s.seen.Partial = !s.reported
					}
				}
				continue
			}
		case "content_block", "delta":
			if kind == '{' {
				inner := m.Object()
				s.seen.block(text, &inner)
				m.Resume(inner.Pos(), inner.OK())
				continue
			}
		case "usage":
			if m.Skip() && kind == '{' {
				usageAt = m.Value
			}
			continue
		case "error":
			failed = kind != 'n'
		}
		m.Skip()
	}
	if !m.OK() || jsonscan.Space(text, m.Pos()) != len(text) {
		return false
	}
	if failed {
		s.fail(errorInside(text, start))
		return true
	}
	if !usageAt.Empty() {
		spans := s.seen.report(text, usageAt)
		s.reported, s.seen.Partial = true, false
		if open && s.to.Bill != nil {
			s.edits = append(s.edits, spans.edit(s.to.Bill(s.seen.Usage).Cost))
		}
	}
	jsonscan.SortEdits(s.edits)
	return true
}

// AppendGap appends what must stand between the provider's bytes and an event of the
// gateway's own: a blank line, where the provider ended without one.
func (s *stream) AppendGap(out []byte) []byte {
	if s.cut {
		out = append(out, "\n\n"...)
	}
	return out
}

// AppendEnd appends a report of the usage where the provider gave none, and then what
// ends the answer.
func (s *stream) AppendEnd(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	if !s.reported && s.end != nil {
		out = appendMessageDelta(s.AppendGap(out), orNull(s.seen.finish), orNull(s.seen.sequence), usage, bill, s.seen.ServiceTier)
	}
	return append(out, s.end...)
}

func orNull(quoted []byte) string {
	if len(quoted) == 0 {
		return "null"
	}
	return string(quoted)
}
