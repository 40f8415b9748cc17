package responses

import (
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Request is a request as far as the gateway must know it. The spans are offsets into
// the body, of values that may be null.
type Request struct {
	head wire.Head

	model        jsonscan.Span
	input        jsonscan.Span
	instructions jsonscan.Span
	tools        jsonscan.Span
	maxOutput    jsonscan.Span
	maxTools     jsonscan.Span
	state        string // the first field that names a state of the provider's, "" for none
	layout       wire.Layout
}

// Head is what every request says.
func (r *Request) Head() *wire.Head { return &r.head }

// field is a member that the gateway reads.
type field int

const (
	fieldModel field = iota
	fieldInput
	fieldInstructions
	fieldStream
	fieldUser
	fieldMetadata
	fieldRouter
	fieldTools
	fieldMaxOutput
	fieldMaxTools
	fieldPrevious
	fieldConversation
	fieldPrompt
	fieldBackground
	fields
)

// fieldNames are the names of the fields, in their order.
func fieldNames() [fields]string {
	return [fields]string{"model", "input", "instructions", "stream", "user", "metadata", wire.Router, "tools", "max_output_tokens",
		"max_tool_calls", "previous_response_id", "conversation", "prompt", "background"}
}

// readRequest reads a body; see wire.ReadFields.
func readRequest(body []byte) (*Request, *apierror.Error) {
	r := &Request{head: wire.Head{Body: body}}
	names := fieldNames()
	layout, e := wire.ReadFields(body, names[:], func(f int, kind byte, value jsonscan.Span) *apierror.Error {
		return r.take(field(f), kind, value)
	})
	switch {
	case e != nil:
		return nil, e
	case r.model.Empty():
		return nil, apierror.Invalid("model", "You must provide a model parameter.")
	case r.input.Empty() && r.state == "":
		return nil, apierror.Invalid("input", "You must provide an input parameter.")
	}
	r.layout = layout
	return r, nil
}

// take takes one field's value.
func (r *Request) take(f field, kind byte, value jsonscan.Span) *apierror.Error {
	name := fieldNames()[f]
	if f == fieldModel {
		model, e := wire.ReadModel(r.head.Body, kind, value)
		r.model, r.head.Model = value, model
		return e
	}
	null := kind == 'n'
	if want := wanted(f, kind); want != "" && !null {
		return wire.WrongKind(name, want)
	}
	switch f {
	case fieldInput:
		if !null {
			r.input = value
		}
	case fieldInstructions:
		r.instructions = value
	case fieldStream:
		r.head.Stream = kind == 't'
	case fieldTools:
		r.tools = value
	case fieldMaxOutput:
		r.maxOutput = value
	case fieldMaxTools:
		r.maxTools = value
	case fieldBackground:
		if kind == 't' {
			return apierror.Invalid("background", "Responses in the background are not served: what they use is told to nobody but a later GET, "+
				"and the gateway records every call with its cost. Leave 'background' out, and keep the connection open.")
		}
	}
	if null {
		return nil
	}
	switch f {
	case fieldUser:
		r.head.User = jsonscan.String(r.head.Body, value)
	case fieldMetadata:
		r.head.Metadata = value
	case fieldRouter:
		r.head.Requesty = value
	case fieldPrevious, fieldConversation, fieldPrompt:
		if r.state == "" {
			r.state = name
		}
	}
	return nil
}

// wanted is what a field must be, "" where it is.
func wanted(f field, kind byte) string {
	number := kind == '-' || kind >= '0' && kind <= '9'
	switch f {
	case fieldInput:
		if kind != '"' && kind != '[' {
			return "a string or an array of items"
		}
	case fieldUser, fieldPrevious:
		if kind != '"' {
			return "a string"
		}
	case fieldInstructions:
		if kind != '"' && kind != '[' {
			return "a string"
		}
	case fieldStream, fieldBackground:
		if kind != 't' && kind != 'f' {
			return "a boolean"
		}
	case fieldMetadata, fieldRouter, fieldPrompt:
		if kind != '{' {
			return "an object"
		}
	case fieldConversation:
		if kind != '"' && kind != '{' {
			return "a string or an object"
		}
	case fieldTools:
		if kind != '[' {
			return "an array"
		}
	case fieldMaxOutput, fieldMaxTools:
		if !number {
			return "an integer"
		}
	}
	return ""
}

// Upstream returns the body that goes to the provider: the model replaced by the
// provider's own name for it, requesty removed, and the output limit lowered.
func (r *Request) Upstream(model string, lowered wire.Lowered) []byte {
	body := r.head.Body
	edits := append(make([]jsonscan.Edit, 0, 3), jsonscan.Replace(r.model, jsonscan.AppendString(make([]byte, 0, len(model)+2), model)))
	if !r.layout.Removed.Empty() {
		edits = append(edits, jsonscan.Replace(r.layout.Removed, nil))
	}
	if lowered.Limit > 0 {
		limit := strconv.AppendInt(nil, lowered.Limit, 10)
		if r.maxOutput.Empty() {
			edits = append(edits, jsonscan.InsertAt(r.layout.Last, append([]byte(`,"max_output_tokens":`), limit...)))
		} else if n := r.number(r.maxOutput); n == 0 || n > lowered.Limit {
			edits = append(edits, jsonscan.Replace(r.maxOutput, limit))
		}
	}
	jsonscan.SortEdits(edits)
	return jsonscan.Apply(make([]byte, 0, len(body)+len(model)+64), body, edits)
}

// number reads a whole number above 0; 0 stands for all else.
func (r *Request) number(at jsonscan.Span) int64 {
	if at.Empty() {
		return 0
	}
	return max(0, wire.Count(at.Of(r.head.Body)))
}
