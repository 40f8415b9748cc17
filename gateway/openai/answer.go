package openai

import (
	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
)

// Answer is a plain chat completion as it came from the provider.
type Answer struct {
	Seen Seen

	body  body
	edits []edit
}

// ReadAnswer reads a plain answer with status 200; model is the JSON string
// that will stand in it. The error is the provider's own when the answer holds
// one, or says that the answer could not be read.
func ReadAnswer(text, model []byte) (*Answer, *apierror.Error) {
	a := &Answer{}
	start := jsonscan.Space(text, 0)
	var ok bool
	a.edits, ok = a.body.read(text, start, model, nil, &a.Seen)
	if !ok {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	if !a.body.err.Empty() {
		return nil, errorInside(text, a.body.err)
	}
	if !a.body.choices {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no choices.")
	}
	if !a.body.usage.Empty() {
		a.Seen.Usage, _ = readUsage(text, a.body.usage)
		a.Seen.HasUsage = true
	}
	a.Seen.settle()
	return a, nil
}

// Append appends the answer as the client gets it: with the model and the bill.
// For a provider that reported no usage, usage is what the gateway counted.
func (a *Answer) Append(out []byte, usage Usage, bill *Bill) []byte {
	edits := a.edits
	switch {
	case !a.body.usage.Empty():
		_, spans := readUsage(a.body.text, a.body.usage)
		edits = spans.edits(edits, bill)
	case !a.body.none.Empty():
		edits = append(edits, edit{a.body.none, AppendUsage(nil, usage, bill)})
	default:
		edits = append(edits, insertAt(a.body.last, AppendUsage([]byte(`,"usage":`), usage, bill)))
	}
	sortEdits(edits)
	return apply(out, a.body.text, edits)
}
