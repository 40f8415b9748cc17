package wire

import (
	"strings"

	"weir/gateway/jsonscan"
)

// Prompt gathers the texts of a request that a provider would count.
type Prompt struct{ strings.Builder }

// Gather appends all texts of a value, in order; names of members and data that is
// no text (images, sound, files) are left out.
func (b *Prompt) Gather(text []byte, at jsonscan.Span) {
	switch text[at.Start] {
	case '"':
		b.WriteString(jsonscan.String(text, at))
		b.WriteByte('\n')
	case '[':
		for e := jsonscan.Array(text, at.Start); e.Next(); {
			b.Gather(text, e.Value)
		}
	case '{':
		for m := jsonscan.Object(text, at.Start); m.Next(); {
			switch string(m.Name()) {
			case "image_url", "input_audio", "file", "file_data", "source", "type", "id", "tool_call_id", "tool_use_id", "call_id", "signature", "encrypted_content", "data":
			default:
				b.Gather(text, m.Value)
			}
		}
	}
}
