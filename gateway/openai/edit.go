package openai

import "weir/gateway/jsonscan"

// edit replaces the bytes of a span; an empty span inserts.
type edit struct {
	span jsonscan.Span
	with []byte
}

// apply appends text to out with the edits made. The edits are ordered and do
// not overlap; their offsets are relative to text.
func apply(out, text []byte, edits []edit) []byte {
	at := 0
	for _, e := range edits {
		out = append(out, text[at:e.span.Start]...)
		out = append(out, e.with...)
		at = e.span.End
	}
	return append(out, text[at:]...)
}

func insertAt(at int, text []byte) edit {
	return edit{jsonscan.Span{Start: at, End: at}, text}
}

// sortEdits orders a handful of edits by where they begin, stably.
func sortEdits(edits []edit) {
	for i := 1; i < len(edits); i++ {
		for j := i; j > 0 && edits[j].span.Start < edits[j-1].span.Start; j-- {
			edits[j], edits[j-1] = edits[j-1], edits[j]
		}
	}
}
