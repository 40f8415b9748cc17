package media

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Request is a request as far as the gateway must know it. A form's fields stand in
// a JSON text that readForm makes of them, so that all is read in one way.
type Request struct {
	head   wire.Head
	format Format
	form   bool // values are texts, whatever they mean

	at      [fields]jsonscan.Span // values; empty when absent or null
	removed jsonscan.Span         // the requesty member with its comma
	files   []int64               // sizes of a form's files
}

// Head is what every request says.
func (r *Request) Head() *wire.Head { return &r.head }

// field is a member that the gateway reads, at one endpoint or another.
type field uint8

const (
	fieldModel field = iota
	fieldStream
	fieldStreamFormat
	fieldResponseFormat
	fieldUser
	fieldMetadata
	fieldRequesty
	fieldN
	fieldInput
	fieldPrompt
	fieldSize
	fieldQuality
	fieldPartialImages
	fieldSpeed
	fields
)

func fieldNames() [fields]string {
	return [fields]string{"model", "stream", "stream_format", "response_format", "user", "metadata", "requesty", "n", "input", "prompt",
		"size", "quality", "partial_images", "speed"}
}

// fieldOf returns the field of a name. near is a field whose name differs in letter
// case alone: decoders that ignore case would take it.
func fieldOf(name []byte) (f field, near string, ok bool) {
	for i, known := range fieldNames() {
		if string(name) == known {
			return field(i), "", true
		}
		if near == "" && len(name) >= len(known) && len(name) <= 3*len(known) && bytes.EqualFold(name, []byte(known)) {
			near = known
		}
	}
	return 0, near, false
}

// needed is the field beside model without which there is nothing to do.
func (f Format) needed() (field, bool) {
	switch f {
	case Embeddings, Speech:
		return fieldInput, true
	case Generations, Edits:
		return fieldPrompt, true
	}
	return 0, false
}

// readRequest reads a JSON body. It refuses what is not one JSON object, fields of the
// wrong kind, and a field that the gateway reads given twice or in other letters' case:
// the provider might see another value than the books.
func readRequest(f Format, body []byte, form bool) (*Request, *apierror.Error) {
	r := &Request{head: wire.Head{Body: body}, format: f, form: form}
	start := jsonscan.Space(body, 0)
	if start < len(body) && body[start] != '{' {
		if at, ok := jsonscan.Valid(body); !ok {
			return nil, malformed(at)
		}
		return nil, apierror.Invalid("", "The request body must be a JSON object.")
	}
	var seen [fields]bool
	previous, beforeRequesty, requestyLast := start+1, 0, false
	m := jsonscan.Object(body, start)
	for m.Next() {
		if requestyLast { // its comma and the space go too
			r.removed.End, requestyLast = m.Key.Start, false
		}
		at, near, ok := fieldOf(m.Name())
		switch name := fieldNames()[at]; {
		case near != "" && !ok:
			return nil, apierror.Invalid(near, "Field names are case-sensitive: the name of '"+near+"' is written in other letters.")
		case !ok:
		case seen[at]:
			return nil, apierror.Invalid(name, "Duplicate field '"+name+"'.")
		default:
			seen[at] = true
			if e := r.take(at, m.Kind(), m.Value); e != nil {
				return nil, e
			}
			if at == fieldRequesty {
				r.removed, requestyLast, beforeRequesty = jsonscan.Span{Start: m.Key.Start, End: m.Value.End}, true, previous
			}
		}
		previous = m.Value.End
	}
	if !m.OK() {
		return nil, malformed(m.Pos())
	}
	if at := jsonscan.Space(body, m.Pos()); at != len(body) {
		return nil, malformed(at)
	}
	if requestyLast {
		r.removed.Start = beforeRequesty // the comma before goes
	}
	if !seen[fieldModel] {
		return nil, apierror.Invalid("model", "You must provide a model parameter.")
	}
	if at, ok := f.needed(); ok && r.at[at].Empty() {
		name := fieldNames()[at]
		return nil, apierror.Invalid(name, "You must provide the parameter '"+name+"'.")
	}
	if f == Speech {
		r.head.Stream = r.text(fieldStreamFormat) == "sse"
	}
	return r, nil
}

func malformed(at int) *apierror.Error {
	e := apierror.Invalid("", "The request body is not valid JSON (at byte "+strconv.Itoa(at)+"), or nests deeper than "+
		strconv.Itoa(jsonscan.MaxDepth)+" levels.")
	e.Code = "invalid_json"
	return e
}

func wrongKind(f field, want string) *apierror.Error {
	return apierror.Invalid(fieldNames()[f], fmt.Sprintf("Invalid type for '%s': expected %s.", fieldNames()[f], want))
}

// maxModelBytes bounds a model's name, as ids are bounded.
const maxModelBytes = 256

// take takes one field's value.
func (r *Request) take(f field, kind byte, value jsonscan.Span) *apierror.Error {
	if kind == 'n' && f != fieldModel {
		return nil
	}
	r.at[f] = value
	text := wire.String(r.head.Body, value)
	switch f {
	case fieldModel:
		switch {
		case kind != '"':
			return wrongKind(f, "a string")
		case text == "":
			return apierror.Invalid("model", "The model parameter is empty.")
		case len(text) > maxModelBytes:
			return apierror.Invalid("model", "The model parameter is longer than "+strconv.Itoa(maxModelBytes)+" bytes.")
		}
		r.head.Model = text
	case fieldStream:
		yes := kind == 't' || r.form && (strings.EqualFold(text, "true") || text == "1")
		no := kind == 'f' || r.form && (strings.EqualFold(text, "false") || text == "0" || text == "")
		if !yes && !no {
			return wrongKind(f, "a boolean")
		}
		r.head.Stream = yes && r.format != Embeddings && r.format != Speech
	case fieldUser:
		if kind != '"' {
			return wrongKind(f, "a string")
		}
		r.head.User = text
	case fieldRequesty, fieldMetadata:
		switch {
		case kind == '{' && f == fieldRequesty:
			r.head.Requesty = value
		case kind == '{':
			r.head.Metadata = value
		case f == fieldRequesty || !r.form:
			return wrongKind(f, "an object")
		}
	case fieldN, fieldPartialImages:
		if number := kind >= '0' && kind <= '9' || r.form && text != ""; !number {
			return wrongKind(f, "an integer")
		}
	case fieldInput:
		if kind != '"' && (kind != '[' || r.format != Embeddings) {
			return wrongKind(f, "a text, or in embeddings a list")
		}
	case fieldPrompt, fieldStreamFormat, fieldResponseFormat:
		if kind != '"' {
			return wrongKind(f, "a string")
		}
	}
	return nil
}

// text is what a field says: a string's content, a number as it stands, "" for none.
func (r *Request) text(f field) string {
	at := r.at[f]
	if at.Empty() || r.head.Body[at.Start] == '"' {
		return wire.String(r.head.Body, at)
	}
	return string(at.Of(r.head.Body))
}

// number is a whole number above 0, 0 for all else.
func (r *Request) number(f field) int64 {
	return max(0, wire.Count([]byte(strings.TrimSpace(r.text(f)))))
}

// choices is n.
func (r *Request) choices() int64 { return max(1, r.number(fieldN)) }

// Prompt gathers the texts that a provider would count. They are no messages, so what
// the counting adds for the reply of a chat is taken off again.
func (r *Request) Prompt() (text string, messages int64) {
	var b wire.Prompt
	for _, f := range [...]field{fieldInput, fieldPrompt} {
		at := r.at[f]
		if at.Empty() {
			continue
		}
		b.Gather(r.head.Body, at)
		if r.head.Body[at.Start] == '[' {
			tokens(&b, r.head.Body, at)
		}
	}
	return b.String(), -1
}

// tokens gathers a word for each number of a list: inputs may be tokens already.
func tokens(b *wire.Prompt, text []byte, at jsonscan.Span) {
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		switch kind := e.Kind(); {
		case kind >= '0' && kind <= '9':
			b.WriteString(" a")
		case kind == '[':
			tokens(b, text, e.Value)
		}
	}
}
