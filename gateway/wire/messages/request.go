package messages

import (
	"bytes"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Request is a request as far as the gateway must know it. The spans are offsets into
// the body.
type Request struct {
	head wire.Head

	model     jsonscan.Span
	messages  jsonscan.Span
	system    jsonscan.Span // empty when absent or null, as tools
	tools     jsonscan.Span
	maxTokens jsonscan.Span // the value, null included
	layout    wire.Layout
}

// Head is what every request says.
func (r *Request) Head() *wire.Head { return &r.head }

// Place is the inference_geo that the request names, "" for none: over what the workspace
// is set to, it fixes where the model runs.
func (r *Request) Place() (place string) {
	body := r.head.Body
	for m := jsonscan.Object(body, jsonscan.Space(body, 0)); m.Next(); {
		if string(m.Name()) == "inference_geo" && m.Kind() != 'n' {
			if place = wire.String(body, m.Value); place == "" {
				return "(no name)"
			}
		}
	}
	return place
}

// fieldNames are the members that the gateway reads.
func fieldNames() [8]string {
	return [...]string{"model", "messages", "stream", "system", "tools", "max_tokens", "metadata", wire.Router}
}

// readRequest reads a body; see wire.ReadFields.
func readRequest(body []byte) (*Request, *apierror.Error) {
	r := &Request{head: wire.Head{Body: body}}
	names := fieldNames()
	layout, e := wire.ReadFields(body, names[:], func(f int, kind byte, value jsonscan.Span) *apierror.Error {
		return r.take(names[f], kind, value)
	})
	switch {
	case e != nil:
		return nil, e
	case r.head.Model == "":
		return nil, apierror.Invalid("model", "You must provide a model parameter.")
	case r.messages.Empty():
		return nil, apierror.Invalid("messages", "You must provide a messages parameter.")
	}
	r.layout = layout
	return r, nil
}

// take takes one field's value.
func (r *Request) take(name string, kind byte, value jsonscan.Span) *apierror.Error {
	null := kind == 'n'
	switch name {
	case "model":
		model, e := wire.ReadModel(r.head.Body, kind, value)
		r.model, r.head.Model = value, model
		return e
	case "messages":
		if kind != '[' {
			return wire.WrongKind(name, "an array of messages")
		}
		if r.head.Body[jsonscan.Space(r.head.Body, value.Start+1)] == ']' {
			return apierror.Invalid(name, "The messages parameter is an empty array.")
		}
		r.messages = value
	case "stream":
		if kind != 't' && kind != 'f' && !null {
			return wire.WrongKind(name, "a boolean")
		}
		r.head.Stream = kind == 't'
	case "system":
		if kind != '"' && kind != '[' && !null {
			return wire.WrongKind(name, "a string or an array of text blocks")
		}
		if !null {
			r.system = value
		}
	case "tools":
		if kind != '[' && !null {
			return wire.WrongKind(name, "an array")
		}
		if !null {
			r.tools = value
		}
	case "max_tokens":
		if kind != '-' && (kind < '0' || kind > '9') && !null {
			return wire.WrongKind(name, "an integer")
		}
		r.maxTokens = value
	default: // metadata, requesty
		if kind != '{' && !null {
			return wire.WrongKind(name, "an object")
		}
		switch {
		case null:
		case name == wire.Router:
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
				return wire.WrongKind(param, "a string")
			}
		case bytes.EqualFold(key, []byte(name)):
			return apierror.Invalid(param, "Field names are case-sensitive: the name of '"+param+"' is written in other letters.")
		}
	}
	return nil
}
