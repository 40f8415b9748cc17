package media

import (
	"strconv"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// answer is a plain answer.
type answer struct {
	format Format
	to     *wire.Reply
	text   []byte
	start  int
	json   bool // it is an object
	body   body
	seen   wire.Seen
}

// readAnswer reads an answer with status 2xx: a JSON object, or a transcript.
func readAnswer(f Format, text []byte, to *wire.Reply) (*answer, *apierror.Error) {
	a := &answer{format: f, to: to, text: text, start: jsonscan.Space(text, 0)}
	r := requestOf(to.Request)
	if f == Transcriptions && !strings.HasPrefix(strings.ToLower(to.Type), "application/json") {
		a.transcript(string(text))
		return a, nil
	}
	if a.json = true; !a.body.read(text, a.start) {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	switch b := &a.body; {
	case !b.err.Empty():
		return nil, wire.ErrorInside(text, b.err)
	case f != Transcriptions && b.data.Empty():
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no data.")
	case !b.usage.Empty():
		a.seen.Usage, a.seen.HasUsage = readUsage(text, b.usage).Usage, true
	case !b.duration.Empty():
		a.seen.Usage, a.seen.HasUsage = genai.Usage{Seconds: seconds(b.duration.Of(text))}, true
	case f == Generations || f == Edits:
		var pictures int64
		for e := jsonscan.Array(text, b.data.Start); e.Next(); {
			pictures++
		}
		a.seen.Beyond = r.painted(pictures)
	}
	a.seen.Content = true
	if f == Transcriptions && !a.seen.HasUsage {
		a.transcript(wire.String(text, a.body.text))
	}
	return a, nil
}

// transcript notes what was heard, where nobody says how much that was.
func (a *answer) transcript(text string) {
	quoted := jsonscan.AppendString(nil, text)
	a.seen.AddText(quoted[1 : len(quoted)-1])
	a.seen.Content, a.seen.Beyond = true, heard(text)
}

// Seen is what was read of it.
func (a *answer) Seen() *wire.Seen { return &a.seen }

// Append appends the answer with the model and the cost. Embeddings always have a
// usage; the others have one where the provider gave it.
func (a *answer) Append(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	if !a.json {
		return append(out, a.text...)
	}
	edits := a.body.edits(nil, a.text, a.to.Quoted, func(genai.Usage) *wire.Bill { return bill })
	if a.format == Embeddings && a.body.usage.Empty() {
		counted := strconv.AppendInt([]byte(`{"prompt_tokens":`), usage.Prompt, 10)
		counted = strconv.AppendInt(append(counted, `,"total_tokens":`...), usage.Prompt, 10)
		counted = append(append(append(counted, `,"cost":`...), bill.Cost...), '}')
		if !a.body.none.Empty() {
			edits = append(edits, jsonscan.Replace(a.body.none, counted))
		} else {
			edits = append(edits, jsonscan.InsertAt(a.body.last, append([]byte(`,"usage":`), counted...)))
		}
		jsonscan.SortEdits(edits)
	}
	return jsonscan.Apply(out, a.text, edits)
}
