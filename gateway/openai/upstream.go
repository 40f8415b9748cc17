package openai

import (
	"strconv"

	"weir/gateway/jsonscan"
)

// Lowered is a limit of output tokens in place of the client's; the zero value
// leaves what the client set.
type Lowered struct {
	Limit int64
	// Field is where the limit goes when the client set none: vendors differ.
	Field string
}

// Upstream returns the body that goes to the provider: the model replaced by
// the provider's own name for it, requesty removed, usage asked for in a stream,
// and the output limit lowered. Every other byte is the client's.
func (r *Request) Upstream(model string, lowered Lowered) []byte {
	edits := make([]edit, 0, 5)
	edits = append(edits, edit{r.model, jsonscan.AppendString(make([]byte, 0, len(model)+2), model)})
	if !r.removed.Empty() {
		edits = append(edits, edit{r.removed, nil})
	}
	if r.Stream && !r.usageAsked {
		edits = append(edits, r.askForUsage())
	}
	if lowered.Limit > 0 {
		edits = r.lower(edits, lowered)
	}
	sortEdits(edits)
	return apply(make([]byte, 0, len(r.Body)+len(model)+64), r.Body, edits)
}

// lower writes the limit wherever the client wrote a larger one, or what is none.
// A null is a limit that is not set, and stays one where the other field has it.
func (r *Request) lower(edits []edit, to Lowered) []edit {
	limit := strconv.AppendInt(nil, to.Limit, 10)
	set := false
	var null jsonscan.Span
	for _, value := range [...]jsonscan.Span{r.maxTokens, r.maxCompletion} {
		switch {
		case value.Empty():
		case r.Body[value.Start] == 'n':
			null = value
		default:
			set = true
			if n := r.number(value); n == 0 || n > to.Limit {
				edits = append(edits, edit{value, limit})
			}
		}
	}
	switch {
	case set:
	case !null.Empty():
		edits = append(edits, edit{null, limit})
	default:
		edits = append(edits, insertAt(r.lastMember, append([]byte(`,"`+to.Field+`":`), limit...)))
	}
	return edits
}

func (r *Request) askForUsage() edit {
	switch {
	case r.streamOptions.Empty():
		return insertAt(r.lastMember, []byte(`,"stream_options":{"include_usage":true}`))
	case r.Body[r.streamOptions.Start] == 'n':
		return edit{r.streamOptions, []byte(`{"include_usage":true}`)}
	case !r.includeUsage.Empty():
		return edit{r.includeUsage, []byte(`true`)}
	case r.emptyOptions:
		return insertAt(r.streamOptions.Start+1, []byte(`"include_usage":true`))
	default:
		return insertAt(r.streamOptions.Start+1, []byte(`"include_usage":true,`))
	}
}
