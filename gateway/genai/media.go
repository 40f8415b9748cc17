package genai

import "strings"

// ImageType is the type of an image, by how its data begins where nobody said.
func (m *Media) ImageType() string {
	switch {
	case m.MIME == "image/jpg":
		return "image/jpeg"
	case m.MIME != "":
		return m.MIME
	case strings.HasPrefix(m.Data, "/9j/"):
		return "image/jpeg"
	case strings.HasPrefix(m.Data, "R0lGOD"):
		return "image/gif"
	case strings.HasPrefix(m.Data, "UklGR"):
		return "image/webp"
	}
	return "image/png"
}

// Words are a document of plain text as a text, with what introduces it, for protocols
// whose files are no text.
func (m *Media) Words() string {
	var b strings.Builder
	for _, s := range [...]string{m.Title, m.Context, m.Data} {
		if s != "" {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(s)
		}
	}
	return b.String()
}
