package chat

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// answer is a plain chat completion as it came from the provider.
type answer struct {
	seen  seen
	body  body
	edits []jsonscan.Edit
}

// readAnswer reads a plain answer with status 200; model is the JSON string
// that will stand in it. The error is the provider's own when the answer holds
// one, or says that the answer could not be read.
func readAnswer(text, model []byte) (*answer, *apierror.Error) {
	a := &answer{}
	start := jsonscan.Space(text, 0)
	var ok bool
	a.edits, ok = a.body.read(text, start, model, nil, &a.seen)
	if !ok {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	if !a.body.err.Empty() {
		return nil, wire.ErrorInside(text, a.body.err)
	}
	if !a.body.choices {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no choices.")
	}
	if !a.body.usage.Empty() {
		a.seen.Usage, _ = readUsage(text, a.body.usage)
		a.seen.HasUsage = true
	}
	a.seen.settle()
	return a, nil
}

// Seen is what was read of it.
func (a *answer) Seen() *wire.Seen { return &a.seen.Seen }

// Append appends the answer as the client gets it: with the model and the bill.
// For a provider that reported no usage, usage is what the gateway counted.
func (a *answer) Append(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	edits := a.edits
	switch {
	case !a.body.usage.Empty():
		_, spans := readUsage(a.body.text, a.body.usage)
		edits = spans.edits(edits, bill)
	case !a.body.none.Empty():
		edits = append(edits, jsonscan.Replace(a.body.none, appendUsage(nil, usage, bill)))
	default:
		edits = append(edits, jsonscan.InsertAt(a.body.last, appendUsage([]byte(`,"usage":`), usage, bill)))
	}
	jsonscan.SortEdits(edits)
	return jsonscan.Apply(out, a.body.text, edits)
}
