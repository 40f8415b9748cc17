package chat

import (
	"bytes"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// stream passes a provider's stream on, edited in place.
type stream struct {
	to        *wire.Reply
	wantUsage bool // the client asked for the usage chunk

	seen  seen
	end   []byte // the event that ends the answer, withheld
	err   *apierror.Error
	split wire.Splitter

	edits  []jsonscan.Edit
	joined []byte
	events int
	cut    bool // what was written last is no whole event
}

// Seen is what was read so far.
func (s *stream) Seen() *wire.Seen { return &s.seen.Seen }

// Err is how the stream failed.
func (s *stream) Err() *apierror.Error { return s.err }

// Started tells that a chunk has been read.
func (s *stream) Started() bool { return s.events > 0 }

// Feed reads the complete events in text, appends to out what goes to the
// client and returns how many bytes of text it is done with. The rest of text
// must stand at the beginning of the next call's. After Done or Failed the
// stream still reads usage, but writes nothing more.
func (s *stream) Feed(out, text []byte, eof bool) (_ []byte, used int, step wire.Step) {
	for {
		e, n := s.split.Next(text[used:], eof)
		if n == 0 {
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

// Close ends the reading: Seen is complete.
func (s *stream) Close() { s.seen.settle() }

func (s *stream) fail(e *apierror.Error) {
	if s.err == nil && s.end == nil {
		s.err = e
	}
}

func (s *stream) event(out []byte, e *wire.SSE) []byte {
	open := s.step() == wire.More
	if len(e.Data) == 0 {
		if !e.Known && s.events == 0 {
			s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's answer is not an event stream."))
			return out
		}
		if open {
			out = append(out, e.Raw...)
		}
		return out
	}
	text, start := e.JSON(&s.joined)
	switch trimmed := bytes.TrimSpace(text[start:]); {
	case len(trimmed) == 0:
		if open {
			out = append(out, e.Raw...)
		}
		return out
	case string(trimmed) == "[DONE]":
		if open {
			s.end, s.seen.Partial = append([]byte(nil), e.Raw...), false
		}
		return out
	}
	return s.chunk(out, e, text, start, open)
}

// chunk reads one chunk, the JSON object at text[start], and appends the event
// with its edits.
func (s *stream) chunk(out []byte, e *wire.SSE, text []byte, start int, open bool) []byte {
	var b body
	var ok bool
	s.edits, ok = b.read(text, start, s.to.Quoted, s.edits[:0], &s.seen)
	switch {
	case !ok:
		s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
		return out
	case !b.err.Empty():
		s.fail(wire.ErrorInside(text, b.err))
		return out
	case string(e.Name) == "error":
		s.fail(wire.ErrorInside(text, jsonscan.Span{Start: start, End: len(text)}))
		return out
	}
	s.events++
	s.seen.Partial = s.seen.Partial && len(s.seen.finish) == 0
	if !b.usage.Empty() {
		u, spans := readUsage(text, b.usage)
		s.seen.Usage, s.seen.HasUsage = u, true
		// Some report in every chunk what was used so far.
		s.seen.Partial = open && b.content && len(s.seen.finish) == 0
		if !s.wantUsage && !b.content {
			return out // asked for by the gateway alone
		}
		s.seen.settle() // the tier is part of the price
		if open && s.to.Bill != nil {
			s.edits = spans.edits(s.edits, s.to.Bill(u))
			jsonscan.SortEdits(s.edits)
		}
	}
	if !open {
		return out
	}
	return jsonscan.Apply(out, e.Raw, s.edits)
}

// AppendGap appends what must stand between the provider's bytes and an event
// of the gateway's own: a blank line, where the provider ended without one.
func (s *stream) AppendGap(out []byte) []byte {
	if s.cut {
		out = append(out, "\n\n"...)
	}
	return out
}

// AppendEnd appends the usage chunk for a client that asked for it where the
// provider reported no usage, and then what ends the answer.
func (s *stream) AppendEnd(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	if s.wantUsage && !s.seen.HasUsage {
		out = appendUsageChunk(s.AppendGap(out), s.seen.ID, s.to, usage, bill)
	}
	return append(out, s.end...)
}

// appendUsageChunk appends a chunk with usage and without choices.
func appendUsageChunk(out []byte, id string, to *wire.Reply, usage genai.Usage, bill *wire.Bill) []byte {
	out = append(out, `data: {"id":`...)
	out = jsonscan.AppendString(out, id)
	out = append(out, `,"object":"chat.completion.chunk","created":`...)
	out = strconv.AppendInt(out, to.Created, 10)
	out = append(out, `,"model":`...)
	out = append(out, to.Quoted...)
	out = append(out, `,"choices":[],"usage":`...)
	out = appendUsage(out, usage, bill)
	return append(out, "}\n\n"...)
}
