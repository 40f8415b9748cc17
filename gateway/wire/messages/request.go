package messages

import (
	"bytes"
	"fmt"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Request is a request as far as the gateway must know it. The spans are offsets into
// the body.
type Request struct {
	head wire.Head

	model      jsonscan.Span
	messages   jsonscan.Span
	system     jsonscan.Span // empty when absent or null, as tools
	tools      jsonscan.Span
	maxTokens  jsonscan.Span // the value, null included
	removed    jsonscan.Span // the requesty member with its comma
	lastMember int           // the end of the last member's value
	others     []member      // that the gateway reads in a translation alone
}

// member is a member of the body.
type member struct {
	name  string
	value jsonscan.Span
}

// Head is what every request says.
func (r *Request) Head() *wire.Head { return &r.head }

// Place is the inference_geo that the request names, "" for none: over what the workspace
// is set to, it fixes where the model runs.
func (r *Request) Place() (place string) {
	for _, m := range r.others {
		if m.name == "inference_geo" {
			if place = wire.String(r.head.Body, m.value); place == "" {
				return "(no name)"
			}
		}
	}
	return place
}

const fields = 8

// fieldNames are the members that the gateway reads.
func fieldNames() [fields]string {
	return [fields]string{"model", "messages", "stream", "system", "tools", "max_tokens", "metadata", "requesty"}
}

// field is the place of a name in fieldNames, or -1; near is the name that it differs
// from in letters' case alone.
func field(name []byte) (at int, near string) {
	for i, known := range fieldNames() {
		if string(name) == known {
			return i, ""
		}
		if len(name) >= len(known) && len(name) <= 3*len(known) && bytes.EqualFold(name, []byte(known)) {
			near = known
		}
	}
	return -1, near
}

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
		f, near := field(name)
		switch {
		case near != "":
			return nil, apierror.Invalid(near, "Field names are case-sensitive: the name of '"+near+"' is written in other letters.")
		case f >= 0:
			if seen[f] {
				return nil, apierror.Invalid(fieldNames()[f], "Duplicate field '"+fieldNames()[f]+"'.")
			}
			seen[f] = true
			if e := r.take(fieldNames()[f], m.Kind(), m.Value); e != nil {
				return nil, e
			}
			if fieldNames()[f] == "requesty" {
				r.removed, requestyLast, beforeRequesty = jsonscan.Span{Start: m.Key.Start, End: m.Value.End}, true, previous
			}
		}
		if f < 0 && m.Kind() != 'n' {
			r.others = append(r.others, member{string(name), m.Value})
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
	case r.head.Model == "":
		return nil, apierror.Invalid("model", "You must provide a model parameter.")
	case r.messages.Empty():
		return nil, apierror.Invalid("messages", "You must provide a messages parameter.")
	}
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

// maxModelBytes bounds a model's name, as ids are bounded.
const maxModelBytes = 256

// take takes one field's value.
func (r *Request) take(name string, kind byte, value jsonscan.Span) *apierror.Error {
	null := kind == 'n'
	switch name {
	case "model":
		if kind != '"' {
			return wrongKind(name, "a string")
		}
		r.model, r.head.Model = value, jsonscan.String(r.head.Body, value)
		if r.head.Model == "" {
			return apierror.Invalid(name, "The model parameter is empty.")
		}
		if len(r.head.Model) > maxModelBytes {
			return apierror.Invalid(name, "The model parameter is longer than "+strconv.Itoa(maxModelBytes)+" bytes.")
		}
	case "messages":
		if kind != '[' {
			return wrongKind(name, "an array of messages")
		}
		if r.head.Body[jsonscan.Space(r.head.Body, value.Start+1)] == ']' {
			return apierror.Invalid(name, "The messages parameter is an empty array.")
		}
		r.messages = value
	case "stream":
		if kind != 't' && kind != 'f' && !null {
			return wrongKind(name, "a boolean")
		}
		r.head.Stream = kind == 't'
	case "system":
		if kind != '"' && kind != '[' && !null {
			return wrongKind(name, "a string or an array of text blocks")
		}
		if !null {
			r.system = value
		}
	case "tools":
		if kind != '[' && !null {
			return wrongKind(name, "an array")
		}
		if !null {
			r.tools = value
		}
	case "max_tokens":
		if kind != '-' && (kind < '0' || kind > '9') && !null {
			return wrongKind(name, "an integer")
		}
		r.maxTokens = value
	default: // metadata, requesty
		if kind != '{' && !null {
			return wrongKind(name, "an object")
		}
		switch {
		case null:
		case name == "requesty":
			r.head.Requesty = value
		default:
			return r.readMetadata(value)
		}
	}
	return nil
}

// readMetadata reads the client's end user, the only entry that the API has.
func (r *Request) readMetadata(at jsonscan.Span) *apierror.Error {
	const name, param = "user_id", "metadata.user_id"
	found := false
	for m := jsonscan.Object(r.head.Body, at.Start); m.Next(); {
		switch key := m.Name(); {
		case string(key) == name:
			if found {
				return apierror.Invalid(param, "Duplicate field '"+param+"'.")
			}
			found = true
			switch m.Kind() {
			case '"':
				r.head.User = jsonscan.String(r.head.Body, m.Value)
			case 'n':
			default:
				return wrongKind(param, "a string")
			}
		case bytes.EqualFold(key, []byte(name)):
			return apierror.Invalid(param, "Field names are case-sensitive: the name of '"+param+"' is written in other letters.")
		}
	}
	return nil
}
