package chat

import (
	"strconv"

	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Upstream returns the body that goes to the provider: the model replaced by
// the provider's own name for it, requesty removed, usage asked for in a stream,
// and the output limit lowered. Every other byte is the client's.
func (r *Request) Upstream(model string, lowered wire.Lowered) []byte {
	edits := make([]jsonscan.Edit, 0, 5)
	edits = append(edits, jsonscan.Replace(r.model, jsonscan.AppendString(make([]byte, 0, len(model)+2), model)))
	if !r.removed.Empty() {
		edits = append(edits, jsonscan.Replace(r.removed, nil))
	}
	if r.head.Stream && !r.usageAsked {
		edits = append(edits, r.askForUsage())
	}
	if lowered.Limit > 0 {
		edits = r.lower(edits, lowered)
	}
	jsonscan.SortEdits(edits)
	return jsonscan.Apply(make([]byte, 0, len(r.head.Body)+len(model)+64), r.head.Body, edits)
}

// lower writes the limit wherever the client wrote a larger one, or what is none.
// A null is a limit that is not set, and stays one where the other field has it.
func (r *Request) lower(edits []jsonscan.Edit, to wire.Lowered) []jsonscan.Edit {
	limit := strconv.AppendInt(nil, to.Limit, 10)
	set := false
	var null jsonscan.Span
	for _, value := range [...]jsonscan.Span{r.maxTokens, r.maxCompletion} {
		switch {
		case value.Empty():
		case r.head.Body[value.Start] == 'n':
			null = value
		default:
			set = true
			if n := r.number(value); n == 0 || n > to.Limit {
				edits = append(edits, jsonscan.Replace(value, limit))
			}
		}
	}
	switch {
	case set:
	case !null.Empty():
		edits = append(edits, jsonscan.Replace(null, limit))
	default:
		edits = append(edits, jsonscan.InsertAt(r.lastMember, append([]byte(`,"`+to.Field+`":`), limit...)))
	}
	return edits
}

func (r *Request) askForUsage() jsonscan.Edit {
	switch {
	case r.streamOptions.Empty():
		return jsonscan.InsertAt(r.lastMember, []byte(`,"stream_options":{"include_usage":true}`))
	case r.head.Body[r.streamOptions.Start] == 'n':
		return jsonscan.Replace(r.streamOptions, []byte(`{"include_usage":true}`))
	case !r.usageOption.Empty():
		return jsonscan.Replace(r.usageOption, []byte(`true`))
	case r.emptyOptions:
		return jsonscan.InsertAt(r.streamOptions.Start+1, []byte(`"include_usage":true`))
	default:
		return jsonscan.InsertAt(r.streamOptions.Start+1, []byte(`"include_usage":true,`))
	}
}
