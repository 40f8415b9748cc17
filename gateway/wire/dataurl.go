package wire

import "strings"

// DataURL takes a data: URL apart; ok is false for what is none, or is not in base64.
func DataURL(url string) (mime, data string, ok bool) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	mime, base64 := strings.CutSuffix(head, ";base64")
	if !ok || !base64 {
		return "", "", false
	}
	if at := strings.IndexByte(mime, ';'); at >= 0 { // charset and the like
		mime = mime[:at]
	}
	return mime, data, true
}

// MakeDataURL is what DataURL takes apart.
func MakeDataURL(mime, data string) string {
	var b strings.Builder
	b.Grow(len(mime) + len(data) + 16)
	b.WriteString("data:")
	b.WriteString(mime)
	b.WriteString(";base64,")
	b.WriteString(data)
	return b.String()
}
