package wire

import (
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
)

// Reader reads the members of a request that is valid JSON as a whole; the first value
// of a wrong kind is its error, which names the field.
type Reader struct {
	Text []byte
	API  string // the format in words, for errors
	// List and Index are the array that is walked, and where: they name the client's
	// field in an error.
	List  string
	Index int
	Err   *apierror.Error
}

// Field is the name of a field under what is walked.
func (r *Reader) Field(name string) string {
	if r.List == "" {
		return name
	}
	element := r.List + "[" + strconv.Itoa(r.Index) + "]"
	if name == "" {
		return element
	}
	return element + "." + name
}

// Wrong is the error of a field of the wrong kind.
func (r *Reader) Wrong(name, want string) {
	if r.Err == nil {
		r.Err = WrongKind(r.Field(name), want)
	}
}

// Refuse is the error of a field that cannot be translated; remedy says what to do.
func (r *Reader) Refuse(name, remedy string) {
	if r.Err == nil {
		name = r.Field(name)
		r.Err = apierror.Invalid(name, "The provider of this model is not reached by "+r.API+", and '"+name+"' cannot be translated for it: "+remedy+".")
	}
}

// String is a string's content; null is "".
func (r *Reader) String(m *jsonscan.Members, name string) string {
	switch m.Kind() {
	case '"':
		return jsonscan.String(r.Text, m.Value)
	case 'n':
	default:
		r.Wrong(name, "a string")
	}
	return ""
}

// Number is a number as it was written.
func (r *Reader) Number(m *jsonscan.Members, name string) string {
	if kind := m.Kind(); kind != '-' && (kind < '0' || kind > '9') {
		r.Wrong(name, "a number")
		return ""
	}
	return string(m.Value.Of(r.Text))
}

// Flag is a boolean; nil for null.
func (r *Reader) Flag(m *jsonscan.Members, name string) *bool {
	b := Boolean(r.Text, m.Value)
	if b == nil && m.Kind() != 'n' {
		r.Wrong(name, "a boolean")
	}
	return b
}

// Boolean is a true or a false; all else is nil.
func Boolean(text []byte, at jsonscan.Span) *bool {
	if at.Empty() || text[at.Start] != 't' && text[at.Start] != 'f' {
		return nil
	}
	b := text[at.Start] == 't'
	return &b
}
