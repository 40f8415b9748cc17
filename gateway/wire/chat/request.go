package chat

import (
	"bytes"
	"fmt"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Request is a chat completion request as far as the gateway must know it. The
// spans are offsets into the body.
type Request struct {
	head wire.Head
	// includeUsage says that the client asked a stream for its usage.
	includeUsage bool

	messages      jsonscan.Span
	tools         jsonscan.Span
	model         jsonscan.Span
	n             jsonscan.Span // the value, null included, as the two below
	maxTokens     jsonscan.Span
	maxCompletion jsonscan.Span
	streamOptions jsonscan.Span // the value, null included
	usageOption   jsonscan.Span // the value of include_usage inside streamOptions
	usageAsked    bool          // include_usage is true in the body
	emptyOptions  bool          // stream_options is {}
	removed       jsonscan.Span // the requesty member with its comma
	lastMember    int           // the end of the last member's value
}

// Head is what every request says.
func (r *Request) Head() *wire.Head { return &r.head }

// field is a member that the gateway reads.
type field uint8

const (
	fieldModel field = iota
	fieldMessages
	fieldStream
	fieldStreamOptions
	fieldUser
	fieldMetadata
	fieldRequesty
	fieldTools
	fieldN
	fieldMaxTokens
	fieldMaxCompletionTokens
	fields
	fieldOther = fields
)

// fieldNames are the names of the fields, in their order.
func fieldNames() [fields]string {
	return [fields]string{"model", "messages", "stream", "stream_options", "user", "metadata", "requesty", "tools",
		"n", "max_tokens", "max_completion_tokens"}
}

func fieldOf(name []byte) field {
	switch string(name) {
	case "model":
		return fieldModel
	case "messages":
		return fieldMessages
	case "stream":
		return fieldStream
	case "stream_options":
		return fieldStreamOptions
	case "user":
		return fieldUser
	case "metadata":
		return fieldMetadata
	case "requesty":
		return fieldRequesty
	case "tools":
		return fieldTools
	case "n":
		return fieldN
	case "max_tokens":
		return fieldMaxTokens
	case "max_completion_tokens":
		return fieldMaxCompletionTokens
	}
	return fieldOther
}

// readRequest reads the body of a chat completion. It refuses what is not one
// JSON object, fields of the wrong kind, and a field that the gateway reads
// given twice or in other letters' case: the provider might see another value
// than the books.
func readRequest(body []byte) (*Request, *apierror.Error) {
	r := &Request{head: wire.Head{Body: body}}
	var seen [fields]bool
	start := jsonscan.Space(body, 0)
	if start < len(body) && body[start] != '{' {
		if at, ok := jsonscan.Valid(body); !ok {
			return nil, malformed(at)
		}
		return nil, apierror.Invalid("", "The request body must be a JSON object.")
	}
	previous, beforeRequesty := start+1, 0 // ends of values
	requestyLast := false                  // nothing has followed requesty yet
	m := jsonscan.Object(body, start)
	for m.Next() {
		name := m.Name()
		if requestyLast {
			// Removed up to the next name: its comma and the space go too.
			r.removed.End, requestyLast = m.Key.Start, false
		}
		if f := fieldOf(name); f == fieldOther {
			if near := nearField(name); near != "" {
				return nil, apierror.Invalid(near, "Field names are case-sensitive: the name of '"+near+"' is written in other letters.")
			}
		} else {
			if seen[f] {
				return nil, apierror.Invalid(fieldNames()[f], "Duplicate field '"+fieldNames()[f]+"'.")
			}
			seen[f] = true
			if e := r.take(f, m.Kind(), m.Value); e != nil {
				return nil, e
			}
			if f == fieldRequesty {
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
	r.lastMember = previous
	switch {
	case !seen[fieldModel]:
		return nil, apierror.Invalid("model", "You must provide a model parameter.")
	case !seen[fieldMessages]:
		return nil, apierror.Invalid("messages", "You must provide a messages parameter.")
	}
	r.includeUsage = r.head.Stream && r.usageAsked
	return r, nil
}

func malformed(at int) *apierror.Error {
	e := apierror.Invalid("", "The request body is not valid JSON (at byte "+strconv.Itoa(at)+"), or nests deeper than "+
		strconv.Itoa(jsonscan.MaxDepth)+" levels.")
	e.Code = "invalid_json"
	return e
}

func wrongKind(param, want string) *apierror.Error {
	return apierror.Invalid(param, fmt.Sprintf("Invalid type for '%s': expected %s.", param, want))
}

// take takes one field's value.
func (r *Request) take(f field, kind byte, value jsonscan.Span) *apierror.Error {
	null := kind == 'n'
	number := kind == '-' || kind >= '0' && kind <= '9'
	switch f {
	case fieldModel:
		if kind != '"' {
			return wrongKind("model", "a string")
		}
		r.model, r.head.Model = value, jsonscan.String(r.head.Body, value)
		if r.head.Model == "" {
			return apierror.Invalid("model", "The model parameter is empty.")
		}
		if len(r.head.Model) > maxModelBytes {
			return apierror.Invalid("model", "The model parameter is longer than "+strconv.Itoa(maxModelBytes)+" bytes.")
		}
	case fieldMessages:
		if kind != '[' {
			return wrongKind("messages", "an array of messages")
		}
		if r.head.Body[jsonscan.Space(r.head.Body, value.Start+1)] == ']' {
			return apierror.Invalid("messages", "The messages parameter is an empty array.")
		}
		r.messages = value
	case fieldStream:
		if kind != 't' && kind != 'f' && !null {
			return wrongKind("stream", "a boolean")
		}
		r.head.Stream = kind == 't'
	case fieldStreamOptions:
		if kind != '{' && !null {
			return wrongKind("stream_options", "an object")
		}
		r.streamOptions = value
		if !null {
			return r.readStreamOptions()
		}
	case fieldUser:
		if kind != '"' && !null {
			return wrongKind("user", "a string")
		}
		if !null {
			r.head.User = jsonscan.String(r.head.Body, value)
		}
	case fieldMetadata, fieldRequesty:
		if kind != '{' && !null {
			return wrongKind(fieldNames()[f], "an object")
		}
		if null {
			return nil
		}
		if f == fieldMetadata {
			r.head.Metadata = value
		} else {
			r.head.Requesty = value
		}
	case fieldTools:
		if kind != '[' && !null {
			return wrongKind("tools", "an array")
		}
		r.tools = value
	case fieldN, fieldMaxTokens, fieldMaxCompletionTokens:
		if !number && !null {
			return wrongKind(fieldNames()[f], "an integer")
		}
		switch f {
		case fieldN:
			r.n = value
		case fieldMaxTokens:
			r.maxTokens = value
		default:
			r.maxCompletion = value
		}
	}
	return nil
}

// maxModelBytes bounds a model's name, as ids are bounded.
const maxModelBytes = 256

func (r *Request) readStreamOptions() *apierror.Error {
	const name, param = "include_usage", "stream_options.include_usage"
	r.emptyOptions = true
	found := false
	m := jsonscan.Object(r.head.Body, r.streamOptions.Start)
	for m.Next() {
		r.emptyOptions = false
		switch key := m.Name(); {
		case string(key) == name:
			if found {
				return apierror.Invalid(param, "Duplicate field '"+param+"'.")
			}
			found = true
			if k := m.Kind(); k != 't' && k != 'f' && k != 'n' {
				return wrongKind(param, "a boolean")
			}
			r.usageOption, r.usageAsked = m.Value, m.Kind() == 't'
		case bytes.EqualFold(key, []byte(name)):
			return apierror.Invalid(param, "Field names are case-sensitive: the name of '"+param+"' is written in other letters.")
		}
	}
	return nil
}

// nearField returns the field whose name differs from the given one in letter
// case alone, "" for none: decoders that ignore case would take it.
func nearField(name []byte) string {
	if len(name) == 0 {
		return ""
	}
	switch c := name[0] | 0x20; {
	case c == 'm', c == 's', c == 'u', c == 'r', c == 't', c == 'n', name[0] >= 0x80:
	default:
		return ""
	}
	for _, known := range fieldNames() {
		if len(name) >= len(known) && len(name) <= 3*len(known) && bytes.EqualFold(name, []byte(known)) {
			return known
		}
	}
	return ""
}
