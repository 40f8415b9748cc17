package wire

import (
	"bytes"
	"fmt"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
)

// Layout is where things lie in a request's body that are edited on the way.
type Layout struct {
	// Seen has a bit for each field that is there, by its place among the names.
	Seen uint64
	// Removed is the requesty member with its comma, empty when there is none.
	Removed jsonscan.Span
	// Last is the end of the last member's value.
	Last int
}

// Has tells that a field is there.
func (l *Layout) Has(field int) bool { return l.Seen&(1<<field) != 0 }

// Router is the member that is the router's own, in every format.
const Router = "requesty"

// ReadFields walks the members of a request's body and gives the fields with these
// names, at most 64, to take. It refuses what is not one JSON object, and a field given
// twice or in other letters' case: the provider might see another value than the books.
func ReadFields(body []byte, names []string, take func(field int, kind byte, value jsonscan.Span) *apierror.Error) (Layout, *apierror.Error) {
	var l Layout
	start := jsonscan.Space(body, 0)
	if start < len(body) && body[start] != '{' {
		if at, ok := jsonscan.Valid(body); !ok {
			return l, malformed(at)
		}
		return l, apierror.Invalid("", "The request body must be a JSON object.")
	}
	previous, before := start+1, 0 // ends of values: the last one's, and of the one before requesty
	routerLast := false            // nothing has followed requesty yet
	m := jsonscan.Object(body, start)
	for m.Next() {
		name := m.Name()
		if routerLast {
			// Removed up to the next name: its comma and the space go too.
			l.Removed.End, routerLast = m.Key.Start, false
		}
		field, exact := fieldNamed(name, names)
		switch {
		case field < 0:
		case !exact:
			return l, apierror.Invalid(names[field], "Field names are case-sensitive: the name of '"+names[field]+"' is written in other letters.")
		case l.Has(field):
			return l, apierror.Invalid(names[field], "Duplicate field '"+names[field]+"'.")
		default:
			l.Seen |= 1 << field
			if e := take(field, m.Kind(), m.Value); e != nil {
				return l, e
			}
			if names[field] == Router {
				l.Removed, routerLast, before = jsonscan.Span{Start: m.Key.Start, End: m.Value.End}, true, previous
			}
		}
		previous = m.Value.End
	}
	if !m.OK() {
		return l, malformed(m.Pos())
	}
	if at := jsonscan.Space(body, m.Pos()); at != len(body) {
		return l, malformed(at)
	}
	if routerLast {
		l.Removed.Start = before // the comma before goes
	}
	l.Last = previous
	return l, nil
}

// fieldNamed finds a name among the fields'; exact is false where it differs in letter
// case alone: decoders that ignore case would take it. -1 stands for no field.
func fieldNamed(name []byte, names []string) (field int, exact bool) {
	for i, known := range names {
		if string(name) == known {
			return i, true
		}
	}
	for i, known := range names {
		if len(name) >= len(known) && len(name) <= 3*len(known) && bytes.EqualFold(name, []byte(known)) {
			return i, false
		}
	}
	return -1, false
}

func malformed(at int) *apierror.Error {
	e := apierror.Invalid("", "The request body is not valid JSON (at byte "+strconv.Itoa(at)+"), or nests deeper than "+
		strconv.Itoa(jsonscan.MaxDepth)+" levels.")
	e.Code = "invalid_json"
	return e
}

// WrongKind is the error of a field that is no such thing as it must be.
func WrongKind(param, want string) *apierror.Error {
	return apierror.Invalid(param, fmt.Sprintf("Invalid type for '%s': expected %s.", param, want))
}

// maxModelBytes bounds a model's name, as ids are bounded.
const maxModelBytes = 256

// ReadModel reads the model that a client names.
func ReadModel(body []byte, kind byte, value jsonscan.Span) (string, *apierror.Error) {
	if kind != '"' {
		return "", WrongKind("model", "a string")
	}
	switch model := jsonscan.String(body, value); {
	case model == "":
		return "", apierror.Invalid("model", "The model parameter is empty.")
	case len(model) > maxModelBytes:
		return "", apierror.Invalid("model", "The model parameter is longer than "+strconv.Itoa(maxModelBytes)+" bytes.")
	default:
		return model, nil
	}
}
