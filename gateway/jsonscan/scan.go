// Package jsonscan finds the members of JSON objects as offsets into the text,
// so that a caller can read one member and edit it in place while every other
// byte stays as it was.
//
// Guarantee: what Skip and Members accept is exactly what RFC 8259 calls JSON
// (invalid UTF-8 inside strings aside, as in encoding/json), no deeper than
// MaxDepth. Nothing is allocated except for names and strings with escapes.
//
// Concurrency: pure functions over the caller's bytes; a Members belongs to one
// goroutine. Failure: malformed text is reported with the offset where it stops
// being JSON, never by a panic.
package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// MaxDepth is how deeply objects and arrays may nest: far beyond any request
// that makes sense, far below what would exhaust a stack.
const MaxDepth = 512

// Span is the half-open range [Start, End) of offsets into a text.
type Span struct{ Start, End int }

// Of returns the bytes of the span.
func (s Span) Of(text []byte) []byte { return text[s.Start:s.End] }

// Empty tells that the span holds nothing, as one that was never found.
func (s Span) Empty() bool { return s.Start == s.End }

// Space returns the offset of the first byte at or after at that is not white
// space.
func Space(text []byte, at int) int {
	if at < len(text) && text[at] > ' ' { // as between tokens, as a rule; small enough to be inlined
		return at
	}
	return space(text, at)
}

func space(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// Skip returns the end of the value that begins at text[at]. When ok is false,
// end is where the text stops being JSON, or where it nests too deeply.
func Skip(text []byte, at int) (end int, ok bool) { return skip(text, at, MaxDepth) }

func skip(text []byte, at, depth int) (end int, ok bool) {
	if at >= len(text) {
		return at, false
	}
	switch c := text[at]; c {
	case '"':
		end, _, ok = skipString(text, at)
		return end, ok
	case '{':
		if depth == 0 {
			return at, false
		}
		m := members(text, at, depth-1)
		for m.Next() {
		}
		return m.pos, m.state == ended
	case '[':
		if depth == 0 {
			return at, false
		}
		e := elements(text, at, depth-1)
		for e.Next() {
		}
		return e.pos, e.state == ended
	case 't':
		return literal(text, at, "true")
	case 'f':
		return literal(text, at, "false")
	case 'n':
		return literal(text, at, "null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return skipNumber(text, at)
		}
		return at, false
	}
}

func literal(text []byte, at int, want string) (int, bool) {
	if len(text)-at >= len(want) && string(text[at:at+len(want)]) == want {
		return at + len(want), true
	}
	return at, false
}

func skipNumber(text []byte, at int) (int, bool) {
	if text[at] == '-' {
		at++
	}
	switch {
	case at < len(text) && text[at] == '0':
		at++
	default:
		start := at
		if at = digits(text, at); at == start {
			return at, false
		}
	}
	if at < len(text) && text[at] == '.' {
		start := at + 1
		if at = digits(text, start); at == start {
			return at, false
		}
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		at++
		if at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		start := at
		if at = digits(text, at); at == start {
			return at, false
		}
	}
	return at, true
}

func digits(text []byte, at int) int {
	for at < len(text) && text[at] >= '0' && text[at] <= '9' {
		at++
	}
	return at
}

// skipString returns the offset behind the closing quote of the string whose
// opening quote is text[at], and whether it has escapes.
func skipString(text []byte, at int) (end int, escaped, ok bool) {
	i := at + 1
	for {
		i = plain(text, i)
		if i >= len(text) {
			return len(text), escaped, false
		}
		switch text[i] {
		case '"':
			return i + 1, escaped, true
		case '\\':
			escaped = true
			if i+1 >= len(text) {
				return len(text), escaped, false
			}
			switch text[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if i+6 > len(text) || !isHex(text[i+2]) || !isHex(text[i+3]) || !isHex(text[i+4]) || !isHex(text[i+5]) {
					return i, escaped, false
				}
				i += 6
			default:
				return i, escaped, false
			}
		default: // a control character
			return i, escaped, false
		}
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// plain returns the offset of the first byte at or after i that is a quote, a
// backslash or a control character. Eight bytes are looked at together: prompts
// are long strings, and this loop sees all of their bytes.
func plain(text []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8 // the lowest hit is exact
		}
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= 0x20 {
		i++
	}
	return i
}

// Valid tells whether text is one JSON value with nothing but white space
// around it. When it is not, at is the offset of the trouble.
func Valid(text []byte) (at int, ok bool) {
	end, ok := Skip(text, Space(text, 0))
	if !ok {
		return end, false
	}
	end = Space(text, end)
	return end, end == len(text)
}
