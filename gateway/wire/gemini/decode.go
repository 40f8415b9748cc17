package gemini

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// Decode reads a plain answer.
func (Protocol) Decode(text []byte) (*genai.Response, *apierror.Error) {
	var c chunk
	start := jsonscan.Space(text, 0)
	if start < len(text) && text[start] == '[' {
		return nil, unreadable("The provider's answer is a list and not an object.", text, start)
	}
	if !c.read(text, start) {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	if !c.err.Empty() {
		return nil, errorInside(text, c.err)
	}
	r := &genai.Response{ID: c.id}
	ids := names{answer: c.id}
	var searches int64
	if !c.candidates.Empty() {
		for e := jsonscan.Array(text, c.candidates.Start); e.Next(); {
			var one candidate
			if !one.read(text, e.Value) {
				continue
			}
			choice, found := one.choice(text, &ids, familyOf(c.model))
			r.Choices = append(r.Choices, choice)
			searches += found
		}
	}
	if !c.usage.Empty() {
		u := readUsage(text, c.usage)
		u.Searches = searches
		r.Usage = &u
	}
	if len(r.Choices) == 0 {
		switch {
		case c.blocked:
			r.Choices = []genai.Choice{{Stop: genai.StopFilter}}
		case r.Usage != nil: // billed: an answer that says nothing
			r.Choices = []genai.Choice{{}}
		default:
			return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no candidates.")
		}
	}
	return r, nil
}

// choice makes a choice of a candidate; found is how many searches it took.
func (c *candidate) choice(text []byte, ids *names, model family) (choice genai.Choice, found int64) {
	called := false
	last := -1 // the part that citations belong to
	if !c.parts.Empty() {
		for e := jsonscan.Array(text, c.parts.Start); e.Next(); {
			p, signature, ok := readPart(text, e.Value, ids)
			if !ok {
				continue
			}
			if p.Kind != genai.Text || p.Text != "" {
				called = called || p.Kind == genai.Call
				if p.Kind == genai.Text {
					last = len(choice.Parts)
				}
				choice.Parts = append(choice.Parts, p)
			}
			if signature != "" {
				choice.Parts = append(choice.Parts, lone(signature))
			}
		}
	}
	var citations []genai.Citation
	if !c.grounding.Empty() {
		g := readGrounding(text, c.grounding, model)
		citations, found = g.citations, g.searches
	}
	if !c.citations.Empty() {
		citations = append(citations, readRecitation(text, c.citations)...)
	}
	if last >= 0 && len(citations) > 0 {
		inCharacters(citations, choice.Parts[last].Text)
		choice.Parts[last].Citations = citations
	}
	if !c.logprobs.Empty() {
		choice.LogProbs = appendLogProbs(nil, text, c.logprobs)
	}
	choice.Stop = stopOf(c.finish, called)
	return choice, found
}
