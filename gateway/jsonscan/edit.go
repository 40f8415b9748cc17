package jsonscan

// Edit replaces the bytes of a span; an empty span inserts.
type Edit struct {
	Span Span
	With []byte
}

// Replace is the edit that puts text in the place of a span.
func Replace(span Span, text []byte) Edit { return Edit{span, text} }

// InsertAt is the edit that inserts text.
func InsertAt(at int, text []byte) Edit { return Edit{Span{Start: at, End: at}, text} }

// Apply appends text to out with the edits made. The edits are ordered and do
// not overlap; their offsets are relative to text.
func Apply(out, text []byte, edits []Edit) []byte {
	at := 0
	for _, e := range edits {
		out = append(out, text[at:e.Span.Start]...)
		out = append(out, e.With...)
		at = e.Span.End
	}
	return append(out, text[at:]...)
}

// SortEdits orders a handful of edits by where they begin, stably.
func SortEdits(edits []Edit) {
	for i := 1; i < len(edits); i++ {
		for j := i; j > 0 && edits[j].Span.Start < edits[j-1].Span.Start; j-- {
			edits[j], edits[j-1] = edits[j-1], edits[j]
		}
	}
}
