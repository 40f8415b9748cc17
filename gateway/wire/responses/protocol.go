package responses

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Protocol is Responses as providers speak it.
type Protocol struct{}

// Name is the protocol's.
func (Protocol) Name() string { return genai.Responses }

// Call is the path of a call.
func (Protocol) Call(string, bool) (path, query string) { return "responses", "" }

// Knows lists what means the same in Responses as where it is asked.
func (Protocol) Knows(field string) bool {
	switch field {
	case "store", "include", "truncation", "safety_identifier", "prompt_cache_key", "prompt_cache_retention":
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
	var seen wire.Seen
	var b body
	if !b.read(text, jsonscan.Space(text, 0), &seen) || jsonscan.Space(text, b.end) != len(text) {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	switch {
	case !b.err.Empty():
		return nil, failureOf(text, b.err)
	case b.output.Empty():
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no output.")
	}
	r := &genai.Response{ID: seen.ID, ServiceTier: seen.ServiceTier}
	if created := wire.Member(text, jsonscan.Span{Start: b.start, End: b.end}, "created_at"); !created.Empty() {
		r.Created = max(0, wire.Count(created.Of(text)))
	}
	var c genai.Choice
	searches := int64(0)
	for e := jsonscan.Array(text, b.output.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		switch typ := wire.String(text, wire.Member(text, e.Value, "type")); typ {
		case "message":
			said(&c, text, e.Value)
		default:
			if typ == "web_search_call" {
				searches++
			}
			if parts, ok := itemOf(text, e.Value, typ); ok {
				c.Parts = append(c.Parts, parts...)
			}
		}
	}
	c.Stop = b.stop(c.Parts)
	r.Choices = []genai.Choice{c}
	if seen.HasUsage {
		seen.Usage.Searches = searches
		r.Usage = &seen.Usage
	}
	return r, nil
}

// stop is why the model stopped.
func (b *body) stop(parts []genai.Part) genai.Stop {
	for i := range parts {
		if parts[i].Kind == genai.Refusal {
			return genai.StopFilter
		}
	}
	switch b.status {
	case "completed":
		for i := range parts {
			if parts[i].Kind == genai.Call {
				return genai.StopTools
			}
		}
		return genai.StopEnd
	case "incomplete":
		switch b.reason {
		case "max_output_tokens", "max_tokens":
			return genai.StopLength
		case "content_filter":
			return genai.StopFilter
		}
	}
	return genai.StopUnknown
}

// said reads the content of a message of an answer.
func said(c *genai.Choice, text []byte, at jsonscan.Span) {
	content := wire.Member(text, at, "content")
	if content.Empty() || text[content.Start] != '[' {
		return
	}
	for e := jsonscan.Array(text, content.Start); e.Advance(); {
		if e.Kind() != '{' {
			e.Skip()
			continue
		}
		p, problem := partOf(text, &e)
		if problem != "" || p.Text == "" {
			continue
		}
		c.Parts = append(c.Parts, p)
		if probs := logProbs(text, wire.Member(text, e.Value, "logprobs")); probs != nil && c.LogProbs == nil {
			c.LogProbs = probs
		}
	}
}

// logProbs is Chat's object around the list that Responses has, nil for an empty one.
func logProbs(text []byte, at jsonscan.Span) []byte {
	if at.Empty() || text[at.Start] != '[' || text[jsonscan.Space(text, at.Start+1)] == ']' {
		return nil
	}
	var j wire.JSON
	j.Open("", '{')
	j.Raw("content", at.Of(text))
	j.Null("refusal")
	j.Close('}')
	return j
}
