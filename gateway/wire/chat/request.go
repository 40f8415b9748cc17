package chat

import (
	"bytes"

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
)

// fieldNames are the names of the fields, in their order.
func fieldNames() [fields]string {
	return [fields]string{"model", "messages", "stream", "stream_options", "user", "metadata", wire.Router, "tools",
		"n", "max_tokens", "max_completion_tokens"}
}

// readRequest reads the body of a chat completion; see wire.ReadFields.
func readRequest(body []byte) (*Request, *apierror.Error) {
	r := &Request{head: wire.Head{Body: body}}
	names := fieldNames()
	layout, e := wire.ReadFields(body, names[:], func(f int, kind byte, value jsonscan.Span) *apierror.Error {
		return r.take(field(f), kind, value)
	})
	switch {
	case e != nil:
		return nil, e
	case !layout.Has(int(fieldModel)):
		return nil, apierror.Invalid("model", "You must provide a model parameter.")
	case !layout.Has(int(fieldMessages)):
		return nil, apierror.Invalid("messages", "You must provide a messages parameter.")
	}
	r.removed, r.lastMember = layout.Removed, layout.Last
	r.includeUsage = r.head.Stream && r.usageAsked
	return r, nil
}

// take takes one field's value.
func (r *Request) take(f field, kind byte, value jsonscan.Span) *apierror.Error {
	null := kind == 'n'
	number := kind == '-' || kind >= '0' && kind <= '9'
	switch f {
	case fieldModel:
		model, e := wire.ReadModel(r.head.Body, kind, value)
		if e != nil {
			return e
		}
		r.model, r.head.Model = value, model
	case fieldMessages:
		if kind != '[' {
			return wire.WrongKind("messages", "an array of messages")
		}
		if r.head.Body[jsonscan.Space(r.head.Body, value.Start+1)] == ']' {
			return apierror.Invalid("messages", "The messages parameter is an empty array.")
		}
		r.messages = value
	case fieldStream:
		if kind != 't' && kind != 'f' && !null {
			return wire.WrongKind("stream", "a boolean")
		}
		r.head.Stream = kind == 't'
	case fieldStreamOptions:
		if kind != '{' && !null {
			return wire.WrongKind("stream_options", "an object")
		}
		r.streamOptions = value
		if !null {
			return r.readStreamOptions()
		}
	case fieldUser:
		if kind != '"' && !null {
			return wire.WrongKind("user", "a string")
		}
		if !null {
			r.head.User = jsonscan.String(r.head.Body, value)
		}
	case fieldMetadata, fieldRequesty:
		if kind != '{' && !null {
			return wire.WrongKind(fieldNames()[f], "an object")
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
			return wire.WrongKind("tools", "an array")
		}
		r.tools = value
	case fieldN, fieldMaxTokens, fieldMaxCompletionTokens:
		if !number && !null {
			return wire.WrongKind(fieldNames()[f], "an integer")
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
				return wire.WrongKind(param, "a boolean")
			}
			r.usageOption, r.usageAsked = m.Value, m.Kind() == 't'
		case bytes.EqualFold(key, []byte(name)):
			return apierror.Invalid(param, "Field names are case-sensitive: the name of '"+param+"' is written in other letters.")
		}
	}
	return nil
}
