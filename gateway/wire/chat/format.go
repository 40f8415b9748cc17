package chat

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Format is Chat Completions as clients speak it.
type Format struct{}

// Endpoint is the ledger's name of POST /v1/chat/completions.
func (Format) Endpoint() string { return "chat.completions" }

// Protocol is what passes through.
func (Format) Protocol() string { return genai.Chat }

// ReadRequest reads the body of a chat completion. It refuses what is not one
// JSON object, fields of the wrong kind, and a field that the gateway reads
// given twice or in other letters' case: the provider might see another value
// than the books.
func (Format) ReadRequest(body []byte) (wire.Request, *apierror.Error) {
	r, e := readRequest(body)
	if e != nil {
		return nil, e
	}
	return r, nil
}

// ReadAnswer reads a plain answer of a provider that speaks Chat Completions.
func (Format) ReadAnswer(text []byte, to *wire.Reply) (wire.Answer, *apierror.Error) {
	a, e := readAnswer(text, to.Quoted)
	if e != nil {
		return nil, e
	}
	return a, nil
}

// Pass passes a stream of Chat Completions on.
func (Format) Pass(to *wire.Reply) wire.Stream {
	r, ok := to.Request.(*Request)
	return &stream{to: to, wantUsage: ok && r.includeUsage}
}

// AppendError appends {"error": {…}}.
func (Format) AppendError(out []byte, e *apierror.Error, _ string) []byte { return e.Append(out) }

// AppendErrorEvent appends the same as the event that ends a stream.
func (Format) AppendErrorEvent(out []byte, e *apierror.Error, _ string) []byte {
	return e.AppendEvent(out)
}

// Prompt gathers what a provider would count of the messages and tools.
func (r *Request) Prompt() (text string, messages int64) {
	var b wire.Prompt
	for e := jsonscan.Array(r.head.Body, r.messages.Start); e.Next(); messages++ {
		b.Gather(r.head.Body, e.Value)
	}
	if !r.tools.Empty() {
		b.Write(r.tools.Of(r.head.Body)) // the schema is given to the model as text
	}
	return b.String(), messages
}
