package openai

import (
	"bytes"

	"weir/gateway/jsonscan"
)

// splitter cuts a stream of server-sent events into events, wherever the reads
// of the stream cut it. Lines end in LF, CRLF or CR. Offsets are relative to
// the start of the event under way, so that the caller may move the bytes.
type splitter struct {
	line   int // where the current line begins
	search int // up to where the current line has been searched for its end
	begun  bool
	event  bool // the event has a line other than comments
	known  bool // one of them is a field that the format knows
	name   jsonscan.Span
	data   []jsonscan.Span // the values of the data lines
	first  bool            // not the stream's first event: a BOM is no longer one
}

// event is one event, or a comment on its own. The slices are valid until the
// bytes that were given to next change.
type event struct {
	raw  []byte
	name []byte
	data []jsonscan.Span // relative to raw
	// known says that some line was a field that the format knows, or a comment.
	known bool
	// cut says that the stream ended before the event did.
	cut bool
}

// next returns the first complete event in text and its length, or 0 when more
// must be read. At the end of the stream the rest is an event, too.
func (s *splitter) next(text []byte, end bool) (e event, n int) {
	if !s.begun {
		*s = splitter{begun: true, first: s.first, data: s.data[:0]}
	}
	for {
		stop, after := s.lineEnd(text, end)
		if after < 0 {
			if !end || len(text) == 0 {
				return event{}, 0
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
			e.cut = stop == after
			return e, after
		default:
			s.event = true
			s.known = s.field(line, start) || s.known
		}
		if atEnd {
			e = s.emit(text, s.known)
			e.cut = true
			return e, len(text)
		}
	}
}

func (s *splitter) emit(raw []byte, known bool) event {
	s.begun = false
	return event{raw: raw, name: s.name.Of(raw), data: s.data, known: known}
}

// lineEnd finds the end of the current line and the start of the next one,
// which is -1 when the end has not been read yet.
func (s *splitter) lineEnd(text []byte, end bool) (stop, after int) {
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
func (s *splitter) field(line []byte, at int) bool {
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
