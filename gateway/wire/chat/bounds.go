package chat

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// bounds reads what a request says of the tokens that it may use.
type bounds struct {
	wire.Bounds

	tiers int // how often a service tier is named
}

// Bounds reads the request once more, for callers that have a limit.
func (r *Request) Bounds() (wire.Bounds, *apierror.Error) {
	b := bounds{Bounds: wire.Bounds{Text: wire.Framing, Choices: 1}}
	if number := r.number(r.n); number > wire.MaxChoices {
		return b.Bounds, apierror.Invalid("n", "The n parameter is larger than "+strconv.Itoa(wire.MaxChoices)+".")
	} else if number > 0 {
		b.Choices = number
	}
	// A provider that knows one of the two may not know the other.
	b.Limit = min(max(r.number(r.maxTokens), r.number(r.maxCompletion)), wire.MaxCount)
	b.MaxTokens = r.number(r.maxTokens) > 0
	for m := jsonscan.Object(r.head.Body, jsonscan.Space(r.head.Body, 0)); m.Next(); {
		b.member(r.head.Body, &m)
	}
	if !utf8.Valid(r.head.Body) {
		b.Text *= utf8.UTFMax - 1 // each bad byte may become a character of three
	}
	return b.Bounds, nil
}

// number reads a whole number above 0; 0 stands for all else, which some
// providers take as no limit.
func (r *Request) number(at jsonscan.Span) int64 {
	if at.Empty() {
		return 0
	}
	return max(0, wire.Count(at.Of(r.head.Body)))
}

// member reads a member of the request. What is not known is text: a knob, as a
// rule.
func (b *bounds) member(text []byte, m *jsonscan.Members) {
	name := m.Name()
	size := int64(m.Value.End - m.Key.Start)
	switch string(name) {
	case "model", "user", "metadata", "requesty", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens":
		return // the model does not see them
	case "messages":
		b.messages(text, m.Value)
		return
	case "prediction":
		b.Predicted += size * b.Choices // rejected text is billed as output
	case "tools":
		b.tools(text, m.Value)
	default:
		switch {
		case named(name, "service_tier"):
			b.tier(text, m)
		case m.Kind() == 'n', m.Kind() == 'f':
		case named(name, "web_search_options", "search_parameters", "plugins", "enable_search", "web_search"):
			b.serverTool(text, m.Value, string(name))
		case named(name, "file_ids", "files", "documents", "attachments", "images", "prompt", "conversation", "conversation_id", "session_id", "previous_response_id", "cached_content", "extra_body", "google"):
			b.May(string(name))
		}
	}
	b.Text += size
}

// named compares as a decoder does that ignores letter case.
func named(name []byte, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return bytes.EqualFold(name, []byte(n)) })
}

// manyTiers stands for a tier that is named twice, or not by text.
const manyTiers = "(more than one)"

// tier reads the service tier. The field's name counts in any letter case, as a
// provider's decoder might take it.
func (b *bounds) tier(text []byte, m *jsonscan.Members) {
	asked := manyTiers
	switch m.Kind() {
	case '"':
		asked = jsonscan.String(text, m.Value)
	case 'n':
		asked = ""
	}
	if b.tiers++; b.tiers > 1 && asked != b.Tier {
		asked = manyTiers
	}
	b.Tier = asked
}

func (b *bounds) messages(text []byte, at jsonscan.Span) {
	i := 0
	for e := jsonscan.Array(text, at.Start); e.Next(); i++ {
		b.Text += int64(e.Value.End - e.Value.Start)
		if e.Kind() != '{' {
			continue
		}
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			switch kind := m.Kind(); string(m.Name()) {
			case "content":
				if kind == '[' {
					b.parts(text, m.Value, i)
				} else if kind == '{' {
					b.May(fmt.Sprintf("messages[%d].content", i))
				}
			case "role", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning", "reasoning_content", "reasoning_details",
				"thinking", "cache_control", "annotations", "prefix", "id":
			default:
				if kind == '"' || kind == '[' || kind == '{' {
					b.May(fmt.Sprintf("messages[%d].%.64s", i, m.Name()))
				}
			}
		}
	}
}

// parts reads content given as a list. What is no text leaves Text.
func (b *bounds) parts(text []byte, at jsonscan.Span, message int) {
	i := 0
	for e := jsonscan.Array(text, at.Start); e.Next(); i++ {
		if e.Kind() != '{' || plainPart(text, e.Value) {
			continue
		}
		b.Text -= int64(e.Value.End - e.Value.Start)
		if imagePart(text, e.Value) {
			b.Images++
			continue
		}
		b.May(fmt.Sprintf("messages[%d].content[%d]", message, i))
	}
}

// plainPart tells that a part is text and nothing else.
func plainPart(text []byte, at jsonscan.Span) bool {
	typed := false
	m := jsonscan.Object(text, at.Start)
	for m.Next() {
		switch string(m.Name()) {
		case "type":
			switch string(m.Value.Of(text)) {
			case `"text"`, `"refusal"`, `"input_text"`, `"output_text"`, `"thinking"`, `"reasoning"`:
				typed = true
			default:
				return false
			}
		case "text", "refusal", "thinking", "reasoning", "signature", "cache_control":
		default:
			return false
		}
	}
	return typed
}

// imagePart tells that a part is a picture that stands in the body.
func imagePart(text []byte, at jsonscan.Span) bool {
	data := func(value jsonscan.Span) bool {
		v := value.Of(text)
		return bytes.HasPrefix(v, []byte(`"data:image/`)) || bytes.HasPrefix(v, []byte(`"data:image\/`))
	}
	found := false
	m := jsonscan.Object(text, at.Start)
	for m.Next() {
		switch string(m.Name()) {
		case "type":
			if string(m.Value.Of(text)) != `"image_url"` {
				return false
			}
		case "image_url":
			if m.Kind() != '{' {
				found = data(m.Value)
			}
			inner := jsonscan.Object(text, m.Value.Start)
			for m.Kind() == '{' && inner.Next() {
				switch name := string(inner.Name()); {
				case name == "url" && data(inner.Value):
					found = true
				case name != "detail":
					return false
				}
			}
			if !found {
				return false
			}
		case "cache_control":
		default:
			return false
		}
	}
	return found
}

func (b *bounds) tools(text []byte, at jsonscan.Span) {
	if text[at.Start] != '[' {
		return
	}
	i := 0
	for e := jsonscan.Array(text, at.Start); e.Next(); i++ {
		if i == 0 {
			b.Text += wire.ToolFraming
		}
		if e.Kind() != '{' || !clientTool(text, e.Value) {
			b.serverTool(text, e.Value, "tools["+strconv.Itoa(i)+"]")
		}
	}
}

// clientTool tells that a tool is one that the client runs.
func clientTool(text []byte, at jsonscan.Span) bool {
	typed := false
	m := jsonscan.Object(text, at.Start)
	for m.Next() {
		switch string(m.Name()) {
		case "type":
			if typ := string(m.Value.Of(text)); typ != `"function"` && typ != `"custom"` {
				return false
			}
			typed = true
		case "function", "custom", "strict", "cache_control":
		default:
			return false
		}
	}
	return typed
}

// serverTool adds how often a tool that the provider runs may be used.
func (b *bounds) serverTool(text []byte, at jsonscan.Span, field string) {
	var uses int64
	if text[at.Start] == '{' {
		for m := jsonscan.Object(text, at.Start); m.Next(); {
			if string(m.Name()) == "max_uses" {
				uses = max(uses, wire.Count(m.Value.Of(text)))
			}
		}
	}
	b.ServerTool(uses, field)
}
