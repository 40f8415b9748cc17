package gemini

import (
	"encoding/base64"
	"mime"
	"path"
	"strings"

	"weir/gateway/genai"
)

func (c conversation) allMedia(parts []genai.Part) {
	for i := range parts {
		if parts[i].Media != nil {
			c.media(&parts[i])
		}
	}
}

func (c conversation) media(p *genai.Part) {
	m := p.Media
	if p.Kind == genai.File {
		c.textPart(m.Title)
		c.textPart(m.Context)
	}
	kind := mimeOf(p)
	if m.URL != "" {
		c.Open("", '{')
		c.Open("fileData", '{')
		if kind != "" {
			c.Text("mimeType", kind)
		}
		c.Text("fileUri", m.URL)
		c.Close('}', '}')
		return
	}
	c.Open("", '{')
	c.Open("inlineData", '{')
	c.Text("mimeType", kind)
	if m.Plain {
		c.Text("data", base64.StdEncoding.EncodeToString([]byte(m.Data)))
	} else {
		c.Text("data", m.Data)
	}
	c.Close('}', '}')
}

// mimeOf is the type that the client gave, or what its name or address ends in says.
// Data must have one.
func mimeOf(p *genai.Part) string {
	m := p.Media
	if m.MIME != "" {
		if p.Kind == genai.Audio && !strings.Contains(m.MIME, "/") {
			return "audio/" + m.MIME
		}
		return m.MIME
	}
	name := m.Name
	if name == "" {
		name, _, _ = strings.Cut(m.URL, "?")
	}
	if kind, _, _ := strings.Cut(mime.TypeByExtension(strings.ToLower(path.Ext(name))), ";"); kind != "" {
		return kind
	}
	switch {
	case m.URL != "":
		return ""
	case m.Plain:
		return "text/plain"
	case p.Kind == genai.Image:
		return m.ImageType()
	case p.Kind == genai.Audio:
		return "audio/wav"
	}
	return "application/pdf"
}
