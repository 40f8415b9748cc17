package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// String decodes the JSON string in the span, quotes included. Lone surrogates
// and invalid UTF-8 become U+FFFD where the string has escapes.
func String(text []byte, s Span) string {
	raw := s.Of(text)
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		return unescape(raw)
	}
	return string(inner)
}

// unescape decodes a string that the scanner has accepted, quotes included. It does what
// encoding/json does, which has the strings that are not UTF-8.
func unescape(raw []byte) string {
	if !utf8.Valid(raw) {
		var decoded string
		_ = json.Unmarshal(raw, &decoded) // the scanner has accepted it
		return decoded
	}
	inner := raw[1 : len(raw)-1]
	var b strings.Builder // whose text needs no copy
	b.Grow(len(inner))
	for {
		at := bytes.IndexByte(inner, '\\')
		if at < 0 {
			b.Write(inner)
			return b.String()
		}
		b.Write(inner[:at])
		c := inner[at+1]
		inner = inner[at+2:]
		switch c {
		case 'u':
			r := hex4(inner)
			inner = inner[4:]
			if utf16.IsSurrogate(r) {
				pair := unicode.ReplacementChar
				if len(inner) >= 6 && inner[0] == '\\' && inner[1] == 'u' {
					pair = utf16.DecodeRune(r, hex4(inner[2:]))
				}
				if r = pair; r != unicode.ReplacementChar {
					inner = inner[6:]
				}
			}
			b.WriteRune(r)
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		default: // a quote or a slash
			b.WriteByte(c)
		}
	}
}

// hex4 reads four hexadecimal digits.
func hex4(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

// AppendString appends s to b as a JSON string, quotes included. Invalid UTF-8
// is passed on as it is.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		if c >= 0x20 {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
