package wire

import "weir/gateway/genai"

// maxText bounds the output text that is kept for a provider that reports no
// usage; what comes after it is only counted.
const maxText = 4 << 20

// Seen is what the gateway has read of an answer so far.
type Seen struct {
	ID           string // the provider's own id of the call
	ServiceTier  string
	FinishReason string // the provider's own word in a pass-through, genai's in a translation
	Usage        genai.Usage
	HasUsage     bool
	// Partial says that Usage is what was used so far, or what an answer began with: of its
	// output there may be more.
	Partial bool
	// Beyond is what a count of the texts misses where the provider reports no usage:
	// sound and pictures.
	Beyond  genai.Usage
	Content bool // some output has come: text, reasoning or a tool call

	// Text is the output as it stands in the JSON, escapes included, for
	// counting tokens when the provider reports none. Unkept is how many more
	// bytes there were than are kept.
	Text   []byte
	Unkept int64
}

// AddText notes a piece of output, as it stands between its quotes in the JSON.
func (s *Seen) AddText(inner []byte) {
	if len(inner) == 0 {
		return
	}
	s.Content = true
	if len(inner) > maxText-len(s.Text) {
		s.Unkept += int64(len(inner)) // whole or not at all: no escape is cut
		return
	}
	s.Text = append(s.Text, inner...)
}
