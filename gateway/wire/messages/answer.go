package messages

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// answer is a plain answer as it came from the provider.
type answer struct {
	text []byte
	seen seen
	body message
	to   []byte // the model, a JSON string
}

func readAnswer(text, model []byte) (*answer, *apierror.Error) {
	a := &answer{text: text, to: model}
	start := jsonscan.Space(text, 0)
	if !a.body.read(text, start, &a.seen) || jsonscan.Space(text, a.body.end) != len(text) {
		return nil, unreadable("The provider's answer is not a JSON object.")
	}
	if !a.body.err.Empty() {
		return nil, errorInside(text, start)
	}
	if !a.body.content {
		return nil, unreadable("The provider's answer has no content.")
	}
	if !a.body.usage.Empty() {
		a.seen.report(text, a.body.usage)
	}
	a.seen.settle()
	return a, nil
}

// Seen is what was read of it.
func (a *answer) Seen() *wire.Seen { return &a.seen.Seen }

// Append appends the answer as the client gets it: with the model and the bill. For a
// provider that reported no usage, usage is what the gateway counted.
func (a *answer) Append(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	edits := []jsonscan.Edit{a.body.setModel(a.to)}
	switch {
	case !a.body.usage.Empty():
		var c counts
		spans := c.read(a.text, a.body.usage)
		edits = append(edits, spans.edit(bill.Cost))
	case !a.body.none.Empty():
		edits = append(edits, jsonscan.Replace(a.body.none, appendUsage(nil, usage, bill, a.seen.ServiceTier)))
	default:
		edits = append(edits, jsonscan.InsertAt(a.body.last, appendUsage([]byte(`,"usage":`), usage, bill, a.seen.ServiceTier)))
	}
	jsonscan.SortEdits(edits)
	return jsonscan.Apply(out, a.text, edits)
}
