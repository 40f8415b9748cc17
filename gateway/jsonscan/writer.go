package jsonscan

import "strconv"

// Writer writes JSON by appending to B. A comma goes wherever a value stands before, so
// that a caller writes members and elements in order and nothing else.
type Writer struct{ B []byte }

// Separate writes the comma before an element, where one is due.
func (w *Writer) Separate() {
	if n := len(w.B); n > 0 {
		switch w.B[n-1] {
		case '{', '[', ':':
		default:
			w.B = append(w.B, ',')
		}
	}
}

// Open begins something that Close ends: text ends in a brace or a bracket.
func (w *Writer) Open(text string) {
	w.Separate()
	w.B = append(w.B, text...)
}

// Close appends text as it is.
func (w *Writer) Close(text string) { w.B = append(w.B, text...) }

// Name begins a member; the name needs no escapes.
func (w *Writer) Name(name string) {
	w.Separate()
	w.B = append(append(append(w.B, '"'), name...), '"', ':')
}

// Text writes a member that is a string.
func (w *Writer) Text(name, value string) {
	w.Name(name)
	w.B = AppendString(w.B, value)
}

// Raw writes a member that is JSON already.
func (w *Writer) Raw(name string, value []byte) {
	w.Name(name)
	w.B = append(w.B, value...)
}

// Number writes a number as somebody wrote it; "" is none.
func (w *Writer) Number(name, value string) {
	if value != "" {
		w.Name(name)
		w.B = append(w.B, value...)
	}
}

// Integer writes a member that is a whole number.
func (w *Writer) Integer(name string, value int64) {
	w.Name(name)
	w.B = strconv.AppendInt(w.B, value, 10)
}

// String writes an element that is a string.
func (w *Writer) String(value string) {
	w.Separate()
	w.B = AppendString(w.B, value)
}
