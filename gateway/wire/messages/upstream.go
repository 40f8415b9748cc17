package messages

import (
	"strconv"

	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Upstream returns the body that goes to the provider: the model replaced by the
// provider's own name for it, requesty removed, the output limit lowered, and cache
// breakpoints where they are asked for. Every other byte is the client's.
func (r *Request) Upstream(model string, lowered wire.Lowered) []byte {
	edits := make([]jsonscan.Edit, 0, 8)
	edits = append(edits, jsonscan.Replace(r.model, jsonscan.AppendString(make([]byte, 0, len(model)+2), model)))
	if !r.layout.Removed.Empty() {
		edits = append(edits, jsonscan.Replace(r.layout.Removed, nil))
	}
	if lowered.Limit > 0 {
		edits = r.lower(edits, lowered.Limit)
	}
	if lowered.AutoCache {
		edits = r.autoCache(edits)
	}
	jsonscan.SortEdits(edits)
	return jsonscan.Apply(make([]byte, 0, len(r.head.Body)+len(model)+256), r.head.Body, edits)
}

// lower writes the limit where the client wrote a larger one, or none.
func (r *Request) lower(edits []jsonscan.Edit, to int64) []jsonscan.Edit {
	limit := strconv.AppendInt(nil, to, 10)
	if r.maxTokens.Empty() {
		return append(edits, jsonscan.InsertAt(r.layout.Last, append([]byte(`,"max_tokens":`), limit...)))
	}
	if n := wire.Count(r.maxTokens.Of(r.head.Body)); n <= 0 || n > to {
		edits = append(edits, jsonscan.Replace(r.maxTokens, limit))
	}
	return edits
}
