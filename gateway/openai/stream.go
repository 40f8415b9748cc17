package openai

import (
	"bytes"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
)

// MaxEvent bounds one event of a stream, in bytes.
const MaxEvent = 16 << 20

// Step says how a stream goes on.
type Step uint8

// More wants the next read; the other two end the stream.
const (
	More   Step = iota
	Done        // [DONE] was read; End holds it
	Failed      // Err says how
)

// Stream reads a provider's stream and writes the client's. It does no I/O.
type Stream struct {
	Model     []byte // the JSON string that stands in every chunk
	WantUsage bool   // the client asked for the usage chunk
	// Bill prices a usage report, for the chunk that carries it.
	Bill func(Usage) *Bill

	Seen Seen
	End  []byte          // the event that ends the answer, withheld
	Err  *apierror.Error // after Failed

	split  splitter
	edits  []edit
	joined []byte
	events int
	cut    bool // what was written last is no whole event
}

// Started tells that a chunk has been read.
func (s *Stream) Started() bool { return s.events > 0 }

// Feed reads the complete events in text, appends to out what goes to the
// client and returns how many bytes of text it is done with. The rest of text
// must stand at the beginning of the next call's. After Done or Failed the
// stream still reads usage, but writes nothing more.
func (s *Stream) Feed(out, text []byte, eof bool) (_ []byte, used int, step Step) {
	for {
		e, n := s.split.next(text[used:], eof)
		if n == 0 {
			return out, used, s.step()
		}
		used += n
		before := len(out)
		out = s.event(out, &e)
		s.cut = e.cut && len(out) > before
	}
}

func (s *Stream) step() Step {
	switch {
	case s.Err != nil:
		return Failed
	case s.End != nil:
		return Done
	}
	return More
}

// Close ends the reading: Seen is complete.
func (s *Stream) Close() { s.Seen.settle() }

func (s *Stream) fail(e *apierror.Error) {
	if s.Err == nil && s.End == nil {
		s.Err = e
	}
}

func (s *Stream) event(out []byte, e *event) []byte {
	open := s.step() == More
	if len(e.data) == 0 {
		if !e.known && s.events == 0 {
			s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's answer is not an event stream."))
			return out
		}
		if open {
			out = append(out, e.raw...)
		}
		return out
	}
	data := e.data[0].Of(e.raw)
	text, start := e.raw[:e.data[0].End], e.data[0].Start
	if len(e.data) > 1 {
		text = s.join(e)
		start = jsonscan.Space(text, 0)
		data = text[start:]
	} else {
		start = jsonscan.Space(text, start)
	}
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0:
		if open {
			out = append(out, e.raw...)
		}
		return out
	case string(trimmed) == "[DONE]":
		if open {
			s.End = append([]byte(nil), e.raw...)
		}
		return out
	}
	return s.chunk(out, e, text, start, open)
}

// join lays the data lines of an event out as one text of the event's length:
// what stands between them becomes white space, so that offsets agree.
func (s *Stream) join(e *event) []byte {
	s.joined = append(s.joined[:0], e.raw...)
	at := 0
	for _, line := range e.data {
		for ; at < line.Start; at++ {
			s.joined[at] = ' '
		}
		at = line.End
	}
	return s.joined[:at]
}

// chunk reads one chunk, the JSON object at text[start], and appends the event
// with its edits.
func (s *Stream) chunk(out []byte, e *event, text []byte, start int, open bool) []byte {
	var b body
	var ok bool
	s.edits, ok = b.read(text, start, s.Model, s.edits[:0], &s.Seen)
	switch {
	case !ok:
		s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
		return out
	case !b.err.Empty():
		s.fail(errorInside(text, b.err))
		return out
	case string(e.name) == "error":
		s.fail(errorInside(text, jsonscan.Span{Start: start, End: len(text)}))
		return out
	}
	s.events++
	if !b.usage.Empty() {
		u, spans := readUsage(text, b.usage)
		s.Seen.Usage, s.Seen.HasUsage = u, true
		if !s.WantUsage && !b.content {
			return out // asked for by the gateway alone
		}
		if open && s.Bill != nil {
			s.edits = spans.edits(s.edits, s.Bill(u))
			sortEdits(s.edits)
		}
	}
	if !open {
		return out
	}
	return apply(out, e.raw, s.edits)
}

// AppendGap appends what must stand between the provider's bytes and an event
// of the gateway's own: a blank line, where the provider ended without one.
func (s *Stream) AppendGap(out []byte) []byte {
	if s.cut {
		out = append(out, "\n\n"...)
	}
	return out
}

// AppendUsage appends the usage chunk for a client that asked for it where the
// provider reported no usage. created is in seconds since the epoch.
func (s *Stream) AppendUsage(out []byte, usage Usage, bill *Bill, created int64) []byte {
	out = append(s.AppendGap(out), `data: {"id":`...)
	out = jsonscan.AppendString(out, s.Seen.ID)
	out = append(out, `,"object":"chat.completion.chunk","created":`...)
	out = strconv.AppendInt(out, created, 10)
	out = append(out, `,"model":`...)
	out = append(out, s.Model...)
	out = append(out, `,"choices":[],"usage":`...)
	out = AppendUsage(out, usage, bill)
	return append(out, "}\n\n"...)
}
