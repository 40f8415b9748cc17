package jsonscan

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape decodes a string that the scanner has accepted, quotes included.
func unescape(raw []byte) string {
	if !utf8.Valid(raw) {
		var decoded string
		if err := json.Unmarshal(raw, &decoded); err != nil {
			return "" // not reached: the scanner has accepted the string
		}
		return decoded
	}
	rest := raw[1 : len(raw)-1]
	out := make([]byte, 0, len(rest))
	for {
		slash := bytes.IndexByte(rest, '\\')
		if slash < 0 {
			return string(append(out, rest...))
		}
		out = append(out, rest[:slash]...)
		c := rest[slash+1]
		rest = rest[slash+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(rest)
			rest = rest[4:]
			if utf16.IsSurrogate(r) {
				if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
					if pair := utf16.DecodeRune(r, hex4(rest[2:])); pair != utf8.RuneError {
						out, rest = utf8.AppendRune(out, pair), rest[6:]
						continue
					}
				}
				r = utf8.RuneError
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
	}
}

func hex4(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		if c > '9' {
			c = c&^0x20 - 'A' + 10 + '0'
		}
		r = r<<4 | rune(c-'0')
	}
	return r
}

// AppendString appends s to b as a JSON string, quotes included. Invalid UTF-8
// is passed on as it is.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0 // of what needs no escapes
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		if start = i + 1; c < 0x20 {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
