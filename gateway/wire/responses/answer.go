package responses

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// body is a response object, a plain answer or what an event of a stream holds, with
// the places that the gateway edits.
type body struct {
	text   []byte
	start  int
	end    int
	model  jsonscan.Span // empty when absent, as the ones below; null counts as absent
	err    jsonscan.Span
	usage  jsonscan.Span
	none   jsonscan.Span // of usage when it is null
	output jsonscan.Span
	last   int // the end of the last member's value
	status string
	reason string // of incomplete_details
	object bool   // it says that it is a response
}

// read walks the object at text[start]. It is false when that is no JSON object.
func (b *body) read(text []byte, start int, seen *wire.Seen) bool {
	*b = body{text: text, start: start, last: start + 1}
	m := jsonscan.Object(text, start)
	for m.Next() {
		kind := m.Kind()
		b.last = m.Value.End
		switch string(m.Name()) {
		case "id":
			if kind == '"' && seen.ID == "" {
				seen.ID = jsonscan.String(text, m.Value)
			}
		case "object":
			b.object = wire.String(text, m.Value) == "response"
		case "model":
			b.model = m.Value
		case "error":
			if kind != 'n' {
				b.err = m.Value
			}
		case "usage":
			if kind == '{' {
				b.usage = m.Value
			} else {
				b.none = m.Value
			}
		case "output":
			if kind == '[' {
				b.output = m.Value
			}
		case "status":
			b.status = wire.String(text, m.Value)
		case "incomplete_details":
			b.reason = wire.String(text, wire.Member(text, m.Value, "reason"))
		case "service_tier":
			if kind == '"' {
				seen.ServiceTier = jsonscan.String(text, m.Value)
			}
		}
	}
	b.end = m.Pos()
	if !b.usage.Empty() {
		searches := seen.Usage.Searches
		seen.Usage, seen.HasUsage = readUsage(text, b.usage), true
		seen.Usage.Searches = searches
	}
	return m.OK()
}

// finish is how the response ended, in the provider's own word.
func (b *body) finish() string {
	if b.reason != "" {
		return b.reason
	}
	return b.status
}

// edits are those of the model and, where there is a bill, of the usage.
func (b *body) edits(into []jsonscan.Edit, model []byte, usage *genai.Usage, bill *wire.Bill) []jsonscan.Edit {
	if !b.model.Empty() {
		into = append(into, jsonscan.Replace(b.model, model))
	}
	if bill != nil {
		switch {
		case !b.usage.Empty():
			into = append(into, costEdit(b.text, b.usage, bill.Cost))
		case usage == nil:
		case !b.none.Empty():
			var j wire.JSON
			appendUsage(&j, "", *usage, bill)
			into = append(into, jsonscan.Replace(b.none, j))
		default:
			j := wire.JSON(",")
			appendUsage(&j, "usage", *usage, bill)
			into = append(into, jsonscan.InsertAt(b.last, j[1:]))
		}
	}
	jsonscan.SortEdits(into)
	return into
}

// answer is a plain answer as it came from the provider.
type answer struct {
	seen  wire.Seen
	body  body
	model []byte
}

func readAnswer(text, model []byte) (*answer, *apierror.Error) {
	a := &answer{model: model}
	if !a.body.read(text, jsonscan.Space(text, 0), &a.seen) || jsonscan.Space(text, a.body.end) != len(text) {
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	switch {
	case !a.body.err.Empty():
		return nil, failureOf(text, a.body.err)
	case a.body.output.Empty():
		return nil, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no output.")
	}
	a.seen.FinishReason = a.body.finish()
	for e := jsonscan.Array(text, a.body.output.Start); e.Next(); {
		if e.Kind() == '{' {
			note(&a.seen, text, e.Value)
		}
	}
	return a, nil
}

// note notes what an item of the output says.
func note(seen *wire.Seen, text []byte, item jsonscan.Span) {
	for m := jsonscan.Object(text, item.Start); m.Next(); {
		switch kind := m.Kind(); string(m.Name()) {
		case "type":
			if wire.String(text, m.Value) == "web_search_call" {
				seen.Usage.Searches++
			}
		case "text", "refusal", "name", "arguments", "input":
			if kind == '"' {
				seen.AddText(text[m.Value.Start+1 : m.Value.End-1])
			}
		case "result": // a picture
			seen.Content = seen.Content || kind == '"'
		case "content", "summary":
			if kind != '[' {
				continue
			}
			for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
				if e.Kind() == '{' {
					note(seen, text, e.Value)
				}
			}
		}
	}
}

// Seen is what was read of it.
func (a *answer) Seen() *wire.Seen { return &a.seen }

// Append appends the answer as the client gets it.
func (a *answer) Append(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	edits := a.body.edits(nil, a.model, &usage, bill)
	if a.body.model.Empty() {
		edits = append([]jsonscan.Edit{jsonscan.InsertAt(a.body.start+1, append(append([]byte(`"model":`), a.model...), ','))}, edits...)
	}
	return jsonscan.Apply(out, a.body.text, edits)
}

// failureOf is the error of a response that failed, by its code.
func failureOf(text []byte, at jsonscan.Span) *apierror.Error {
	status := 0
	switch wire.String(text, wire.Member(text, at, "code")) {
	case "rate_limit_exceeded":
		status = 429
	case "invalid_prompt", "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "image_too_large",
		"image_too_small", "image_parse_error", "image_content_policy_violation", "invalid_image_mode", "image_file_too_large",
		"unsupported_image_media_type", "empty_image_file", "failed_to_download_image", "image_file_not_found", "context_length_exceeded":
		status = 400
	}
	if status == 0 {
		return wire.ErrorInside(text, at)
	}
	var j wire.JSON
	j.Open("", '{')
	j.Raw("error", at.Of(text))
	j.Close('}')
	return wire.ReadError(status, j)
}
