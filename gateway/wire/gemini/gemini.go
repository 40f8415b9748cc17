package gemini

import (
	"net/url"

	"weir/gateway/genai"
)

// Protocol is generateContent under a path.
type Protocol struct{ prefix string }

// The paths under which the two services have their models.
const (
	API    = "models/"                   // of the Gemini API, under …/v1beta
	Vertex = "publishers/google/models/" // under …/v1/projects/P/locations/L
)

// New returns the protocol of a service.
func New(prefix string) Protocol { return Protocol{prefix} }

// Name is the protocol's in weir.yaml.
func (Protocol) Name() string { return genai.Gemini }

// Call is the path of a call. A stream is asked for as server-sent events: without it
// the API sends one JSON array.
func (p Protocol) Call(model string, stream bool) (path, query string) {
	path = p.prefix + url.PathEscape(model)
	if stream {
		return path + ":streamGenerateContent", "alt=sse"
	}
	return path + ":generateContent", ""
}

// Knows tells which fields of a client's are the API's own, in either of the ways in
// which it spells them, and OpenAI's modalities.
func (Protocol) Knows(field string) bool { return field == "modalities" || own(field) != "" }

// own is the API's name of a top-level field that is passed on as it is.
func own(field string) string {
	switch field {
	case "safetySettings", "safety_settings":
		return "safetySettings"
	case "cachedContent", "cached_content":
		return "cachedContent"
	case "labels":
		return field
	}
	return ""
}
