package chat

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Protocol is Chat Completions as providers speak it.
type Protocol struct{}

// Name is the protocol's.
func (Protocol) Name() string { return genai.Chat }

// Call is the path of a call.
func (Protocol) Call(string, bool) (path, query string) { return "chat/completions", "" }

// Knows lists what means the same in Chat Completions as where it is asked: the other
// one that has these is Responses.
func (Protocol) Knows(field string) bool {
	switch field {
	case "store", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "logit_bias", "prediction", "modalities", "audio",
		"min_p", "top_a", "repetition_penalty":
		return true
	}
	return false
}

// ReadError reads an answer with an error status.
func (Protocol) ReadError(status int, text []byte) *apierror.Error {
	return wire.ReadError(status, text)
}

// NewDecoder reads a stream.
func (Protocol) NewDecoder() wire.Decoder { return &events{} }

// Decode reads a plain answer.
func (Protocol) Decode(text []byte) (*genai.Response, *apierror.Error) {
	if _, ok := jsonscan.Valid(text); !ok || text[jsonscan.Space(text, 0)] != '{' {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	r := &genai.Response{}
	choices := false
	var sources []genai.Citation
	for m := jsonscan.Object(text, jsonscan.Space(text, 0)); m.Next(); {
		switch kind := m.Kind(); string(m.Name()) {
		case "id":
			r.ID = wire.String(text, m.Value)
		case "created":
			r.Created = max(0, wire.Count(m.Value.Of(text)))
		case "service_tier":
			r.ServiceTier = wire.String(text, m.Value)
		case "error":
			if kind != 'n' {
				return nil, wire.ErrorInside(text, m.Value)
			}
		case "usage":
			if kind == '{' {
				u, _ := readUsage(text, m.Value)
				r.Usage = &u
			}
		case "citations", "search_results": // the second has the titles, and comes later
			if found := sourcesOf(text, m.Value); len(found) > 0 {
				sources = found
			}
		case "choices":
			choices = kind == '['
			eachObject(text, m.Value, func(at jsonscan.Span) { r.Choices = append(r.Choices, choiceOf(text, at, r)) })
		}
	}
	if !choices {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no choices.")
	}
	for i := range r.Choices {
		cite(r.Choices[i].Parts, sources)
	}
	return r, nil
}

func choiceOf(text []byte, at jsonscan.Span, r *genai.Response) genai.Choice {
	var c genai.Choice
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch kind := m.Kind(); string(m.Name()) {
		case "message":
			if kind != '{' {
				continue
			}
			var u utterance
			for f := jsonscan.Object(text, m.Value.Start); f.Next(); {
				u.member(text, &f)
			}
			c.Parts = u.parts(spoken)
		case "finish_reason":
			c.Stop = stopOf(wire.String(text, m.Value))
		case "logprobs":
			if kind == '{' {
				c.LogProbs = m.Value.Of(text)
			}
		case "usage": // where Moonshot puts it
			if kind == '{' && r.Usage == nil {
				u, _ := readUsage(text, m.Value)
				r.Usage = &u
			}
		}
	}
	for i := range c.Parts {
		switch {
		case c.Parts[i].Kind == genai.Refusal:
			c.Stop = genai.StopFilter
		case c.Parts[i].Kind == genai.Call && (c.Stop == genai.StopEnd || c.Stop == genai.StopUnknown):
			c.Stop = genai.StopTools // several vendors say stop
		}
	}
	return c
}

// stopOf reads a finish_reason, in the words of the vendors that speak this protocol.
func stopOf(reason string) genai.Stop {
	switch reason {
	case "stop", "eos", "end_turn", "stop_sequence":
		return genai.StopEnd
	case "length", "max_tokens", "model_length":
		return genai.StopLength
	case "tool_calls", "function_call", "tool_use":
		return genai.StopTools
	case "content_filter", "sensitive", "refusal":
		return genai.StopFilter
	}
	return genai.StopUnknown
}
