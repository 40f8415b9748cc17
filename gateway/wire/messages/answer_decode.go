package messages

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// Decode reads a plain answer.
func (Protocol) Decode(text []byte) (*genai.Response, *apierror.Error) {
	if _, ok := jsonscan.Valid(text); !ok || text[jsonscan.Space(text, 0)] != '{' {
		return nil, unreadable("The provider's answer is not a JSON object.")
	}
	start := jsonscan.Space(text, 0)
	d := reader{text: text}
	r := &genai.Response{Choices: make([]genai.Choice, 1)}
	choice := &r.Choices[0]
	content := false
	for m := jsonscan.Object(text, start); m.Next(); {
		kind := m.Kind()
		switch string(m.Name()) {
		case "id":
			if kind == '"' {
				r.ID = jsonscan.String(text, m.Value)
			}
		case "error":
			if kind != 'n' {
				return nil, errorInside(text, start)
			}
		case "content":
			if content = kind == '['; content {
				choice.Parts = d.content(m.Value, place{list: "content", at: -1})
			}
		case "stop_reason":
			if kind == '"' {
				choice.Stop = stopOf(m.Value.Of(text))
			}
		case "stop_sequence":
			if kind == '"' {
				choice.StopSequence = jsonscan.String(text, m.Value)
			}
		case "usage":
			if kind == '{' {
				var c counts
				c.read(text, m.Value)
				u := c.usage()
				r.Usage, r.ServiceTier = &u, c.serviceTier()
			}
		}
	}
	if !content || d.err != nil {
		return nil, unreadable("The provider's answer has no content that could be read.")
	}
	return r, nil
}

// stopOf reads a stop reason, a JSON string.
func stopOf(quoted []byte) genai.Stop {
	switch string(quoted) {
	case `"end_turn"`:
		return genai.StopEnd
	case `"max_tokens"`, `"model_context_window_exceeded"`:
		return genai.StopLength
	case `"stop_sequence"`:
		return genai.StopOnSequence
	case `"tool_use"`:
		return genai.StopTools
	case `"pause_turn"`:
		return genai.StopPause
	case `"refusal"`:
		return genai.StopFilter
	}
	return genai.StopUnknown
}

// stopReason is the API's word for a reason.
func stopReason(s genai.Stop, called bool) string {
	switch s {
	case genai.StopLength:
		return "max_tokens"
	case genai.StopOnSequence:
		return "stop_sequence"
	case genai.StopTools:
		return "tool_use"
	case genai.StopPause:
		return "pause_turn"
	case genai.StopFilter:
		return "refusal"
	}
	if called { // some vendors call tools and say that they stopped
		return "tool_use"
	}
	return "end_turn"
}
