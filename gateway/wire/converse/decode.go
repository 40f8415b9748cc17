package converse

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// Decode reads a plain answer.
func (Protocol) Decode(text []byte) (*genai.Response, *apierror.Error) {
	r := &genai.Response{}
	var choice genai.Choice
	answered := false
	m := jsonscan.Object(text, jsonscan.Space(text, 0))
	for m.Next() {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "output" && kind == '{':
			if content := contentOf(text, m.Value); !content.Empty() {
				choice.Parts, answered = readContent(text, content), true
			}
		case name == "stopReason" && kind == '"':
			choice.Stop, answered = stopOf(jsonscan.String(text, m.Value)), true
		case name == "usage" && kind == '{':
			u := readUsage(text, m.Value)
			r.Usage = &u
		case name == "serviceTier" && kind == '{':
			r.ServiceTier = member(text, m.Value, "type")
		case name == "additionalModelResponseFields" && kind == '{':
			choice.StopSequence = member(text, m.Value, "stop_sequence")
		}
	}
	switch {
	case !m.OK() || jsonscan.Space(text, m.Pos()) != len(text):
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	case !answered:
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no output.")
	}
	if choice.Stop != genai.StopOnSequence {
		choice.StopSequence = ""
	}
	r.Choices = []genai.Choice{choice}
	return r, nil
}

// contentOf is output.message.content.
func contentOf(text []byte, output jsonscan.Span) (content jsonscan.Span) {
	for m := jsonscan.Object(text, output.Start); m.Next(); {
		if string(m.Name()) != "message" || m.Kind() != '{' {
			continue
		}
		for f := jsonscan.Object(text, m.Value.Start); f.Next(); {
			if string(f.Name()) == "content" && f.Kind() == '[' {
				content = f.Value
			}
		}
	}
	return content
}

// member is a string of an object, "" where there is none.
func member(text []byte, at jsonscan.Span, name string) (value string) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) == name && m.Kind() == '"' {
			value = jsonscan.String(text, m.Value)
		}
	}
	return value
}

// stopOf is the reason for which the model stopped; what went wrong with output that it
// began has no name elsewhere.
func stopOf(reason string) genai.Stop {
	switch reason {
	case "end_turn":
		return genai.StopEnd
	case "tool_use":
		return genai.StopTools
	case "max_tokens", "model_context_window_exceeded":
		return genai.StopLength
	case "stop_sequence":
		return genai.StopOnSequence
	case "guardrail_intervened", "content_filtered", "refusal":
		return genai.StopFilter
	case "pause_turn":
		return genai.StopPause
	}
	return genai.StopUnknown
}
