package media

import (
	"bytes"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// stream passes events on, edited in place: pictures, pieces of sound, of a transcript.
type stream struct {
	format  Format
	request *Request
	to      *wire.Reply
	ends    int64 // how many events end the answer: one a picture

	seen   wire.Seen
	split  wire.Splitter
	joined []byte
	edits  []jsonscan.Edit

	ended int64  // such events so far
	held  []byte // the last one of them, withheld
	done  bool
	err   *apierror.Error
	begun bool
	cut   bool // what was written last is no whole event
}

func (s *stream) Seen() *wire.Seen     { return &s.seen }
func (s *stream) Started() bool        { return s.begun }
func (s *stream) Err() *apierror.Error { return s.err }

// Close guesses what the provider did not report.
func (s *stream) Close() {
	switch {
	case s.seen.HasUsage:
	case s.format == Speech:
		s.seen.Beyond = s.request.spoken(0)
	case s.format == Transcriptions:
		quoted := append(append([]byte{'"'}, s.seen.Text...), '"')
		s.seen.Beyond = heard(jsonscan.String(quoted, jsonscan.Span{End: len(quoted)}))
	default:
		s.seen.Beyond = s.request.painted(max(s.ended, 1))
	}
}

// Feed passes all on but the event that ends the answer: the last of as many as there
// must be, or of those that there were when the provider has ended.
func (s *stream) Feed(out, text []byte, eof bool) (_ []byte, used int, step wire.Step) {
	for {
		e, n := s.split.Next(text[used:], eof)
		if n == 0 {
			break
		}
		used += n
		before := len(out)
		out = s.event(out, &e)
		s.cut = e.Cut && len(out) > before
	}
	if eof && len(s.held) > 0 && s.err == nil {
		s.done = true
	}
	switch {
	case s.err != nil:
		return out, used, wire.Failed
	case s.done:
		return out, used, wire.Done
	}
	return out, used, wire.More
}

func (s *stream) fail(e *apierror.Error) {
	if s.err == nil && !s.done {
		s.err = e
	}
}

func (s *stream) event(out []byte, e *wire.SSE) []byte {
	open := s.err == nil && !s.done
	text, start := e.JSON(&s.joined)
	trimmed := bytes.TrimSpace(text[start:])
	switch {
	case len(e.Data) == 0 && !e.Known && !s.begun:
		s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's answer is not an event stream."))
		return out
	case string(trimmed) == "[DONE]":
		if open {
			s.held, s.done = append(s.held, e.Raw...), true
		}
		return out
	case len(trimmed) == 0:
		if open && len(s.held) == 0 { // what follows the end may be left out
			out = append(out, e.Raw...)
		}
		return out
	}
	var b body
	switch {
	case !b.read(text, start):
		s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
		return out
	case !b.err.Empty():
		s.fail(wire.ErrorInside(text, b.err))
		return out
	case string(e.Name) == "error", wire.String(text, b.kind) == "error":
		s.fail(wire.ErrorInside(text, jsonscan.Span{Start: start, End: len(text)}))
		return out
	}
	return s.pass(out, e, text, &b, open)
}

// pass notes what an event says and appends it.
func (s *stream) pass(out []byte, e *wire.SSE, text []byte, b *body, open bool) []byte {
	s.begun, s.seen.Content = true, true
	if s.format == Transcriptions {
		if piece := inner(text, b.delta); len(piece) > 0 {
			s.seen.AddText(piece)
		} else if len(s.seen.Text) == 0 {
			s.seen.AddText(inner(text, b.text))
		}
	}
	if !b.usage.Empty() {
		s.seen.Usage, s.seen.HasUsage = readUsage(text, b.usage).Usage, true
	}
	if !open {
		return out
	}
	out, s.held = append(out, s.held...), s.held[:0]
	s.edits = b.edits(s.edits[:0], text, s.to.Quoted, s.to.Bill)
	kind := wire.String(text, b.kind)
	if !strings.HasSuffix(kind, ".done") && !strings.HasSuffix(kind, ".completed") {
		return jsonscan.Apply(out, e.Raw, s.edits)
	}
	s.held = jsonscan.Apply(s.held, e.Raw, s.edits)
	s.ended++
	s.done = s.ended == s.ends
	return out
}

// AppendGap appends a blank line where the provider ended without one.
func (s *stream) AppendGap(out []byte) []byte {
	if s.cut {
		out = append(out, "\n\n"...)
	}
	return out
}

// AppendEnd appends what was withheld.
func (s *stream) AppendEnd(out []byte, _ genai.Usage, _ *wire.Bill) []byte {
	return append(out, s.held...)
}

// sound passes bytes on, all but the last one that has come.
type sound struct {
	request *Request
	seen    wire.Seen
	size    int64
	last    byte
}

// Opaque says that there are no events.
func (*sound) Opaque() {}

func (s *sound) Seen() *wire.Seen            { return &s.seen }
func (s *sound) Started() bool               { return s.size > 0 }
func (s *sound) Err() *apierror.Error        { return nil }
func (s *sound) Close()                      { s.seen.Beyond = s.request.spoken(s.size) }
func (s *sound) AppendGap(out []byte) []byte { return out }

func (s *sound) Feed(out, text []byte, eof bool) (_ []byte, used int, step wire.Step) {
	if n := len(text); n > 0 {
		if s.size > 0 {
			out = append(out, s.last)
		}
		out = append(out, text[:n-1]...)
		s.size, s.last, s.seen.Content = s.size+int64(n), text[n-1], true
	}
	if eof && s.size > 0 {
		return out, len(text), wire.Done
	}
	return out, len(text), wire.More
}

func (s *sound) AppendEnd(out []byte, _ genai.Usage, _ *wire.Bill) []byte {
	if s.size == 0 {
		return out
	}
	return append(out, s.last)
}
