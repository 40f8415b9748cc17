package wire

import (
	"bytes"

	"weir/gateway/jsonscan"
)

// Splitter cuts a stream of server-sent events into events, wherever the reads
// of the stream cut it. Lines end in LF, CRLF or CR. Offsets are relative to
// the start of the event under way, so that the caller may move the bytes.
type Splitter struct {
	line   int // where the current line begins
	search int // up to where the current line has been searched for its end
	begun  bool
	event  bool // the event has a line other than comments
	known  bool // one of them is a field that the format knows
	name   jsonscan.Span
	data   []jsonscan.Span // the values of the data lines
	first  bool            // not the stream's first event: a BOM is no longer one
}

// SSE is one server-sent event, or a comment on its own. The slices are valid until
// the bytes that were given to Next change.
type SSE struct {
	Raw  []byte
	Name []byte
	Data []jsonscan.Span // relative to Raw
	// Known says that some line was a field that the format knows, or a comment.
	Known bool
	// Cut says that the stream ended before the event did.
	Cut bool
}

// JSON returns the event's data as one text and where its value begins; the text is
// empty when there is none. Offsets into it are those into Raw: what stands between
// several lines of data is white space there, in scratch.
func (e *SSE) JSON(scratch *[]byte) (text []byte, start int) {
	switch len(e.Data) {
	case 0:
		return nil, 0
	case 1:
		text, start = e.Raw[:e.Data[0].End], jsonscan.Space(e.Raw[:e.Data[0].End], e.Data[0].Start)
	default:
		joined := append((*scratch)[:0], e.Raw...)
		at := 0
		for _, line := range e.Data {
			for ; at < line.Start; at++ {
				joined[at] = ' '
			}
			at = line.End
		}
		*scratch = joined
		text, start = joined[:at], jsonscan.Space(joined[:at], 0)
	}
	if start == len(text) {
		return nil, 0
	}
	return text, start
}

// Next returns the first complete event in text and its length, or 0 when more
// must be read. At the end of the stream the rest is an event, too.
func (s *Splitter) Next(text []byte, end bool) (e SSE, n int) {
	if !s.begun {
		*s = Splitter{begun: true, first: s.first, data: s.data[:0]}
	}
	for {
		stop, after := s.lineEnd(text, end)
		if after < 0 {
			if !end || len(text) == 0 {
				return SSE{}, 0
			}
			stop, after = len(text), len(text)
		}
		line := text[s.line:stop]
		start := s.line
		s.line, s.search = after, after
		if !s.first {
			s.first = true
			if bytes.HasPrefix(line, []byte("\xef\xbb\xbf")) {
				line, start = line[3:], start+3
			}
		}
		atEnd := end && after == len(text)
		switch {
		case len(line) == 0 && stop < after: // the blank line
			return s.emit(text[:after], s.known || !s.event), after
		case len(line) > 0 && line[0] == ':' && !s.event:
			// A comment before any field goes out at once: it keeps the
			// connection alive.
			e = s.emit(text[:after], true)
			e.Cut = stop == after
			return e, after
		default:
			s.event = true
			s.known = s.field(line, start) || s.known
		}
		if atEnd {
			e = s.emit(text, s.known)
			e.Cut = true
			return e, len(text)
		}
	}
}

func (s *Splitter) emit(raw []byte, known bool) SSE {
	s.begun = false
	return SSE{Raw: raw, Name: s.name.Of(raw), Data: s.data, Known: known}
}

// lineEnd finds the end of the current line and the start of the next one,
// which is -1 when the end has not been read yet.
func (s *Splitter) lineEnd(text []byte, end bool) (stop, after int) {
	if s.search >= len(text) {
		return 0, -1
	}
	lf := bytes.IndexByte(text[s.search:], '\n')
	until := len(text)
	if lf >= 0 {
		until = s.search + lf
	}
	if cr := bytes.IndexByte(text[s.search:until], '\r'); cr >= 0 {
		cr += s.search
		switch {
		case cr+1 == until && lf >= 0:
			return cr, until + 1
		case cr+1 < len(text), end:
			return cr, cr + 1
		default:
			s.search = cr // LF may follow
			return 0, -1
		}
	}
	if lf < 0 {
		s.search = until
		return 0, -1
	}
	return until, until + 1
}

// field takes one line; at is where it begins. It is false for a line that the
// format does not know.
func (s *Splitter) field(line []byte, at int) bool {
	colon := bytes.IndexByte(line, ':')
	name, value := line, len(line)
	if colon >= 0 {
		name, value = line[:colon], colon+1
		if value < len(line) && line[value] == ' ' {
			value++
		}
	}
	switch string(name) {
	case "data":
		s.data = append(s.data, jsonscan.Span{Start: at + value, End: at + len(line)})
	case "event":
		s.name = jsonscan.Span{Start: at + value, End: at + len(line)}
	case "id", "retry", "":
	default:
		return false
	}
	return true
}
