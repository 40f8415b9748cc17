package media

import (
	"fmt"
	"io"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Format is one of the endpoints.
type Format uint8

// The endpoints. Form is the one for those that take files.
const (
	Embeddings Format = iota
	Generations
	Edits
	Speech
	Transcriptions
)

// Endpoint is the ledger's name of the endpoint.
func (f Format) Endpoint() string {
	return [...]string{"embeddings", "images.generations", "images.edits", "audio.speech", "audio.transcriptions"}[f]
}

// Path is the endpoint's under the base URL of a provider.
func (f Format) Path() string { return strings.Replace(f.Endpoint(), ".", "/", 1) }

// noun is what providers without the endpoint have no API of.
func (f Format) noun() string {
	return [...]string{"embeddings", "images", "image edits", "speech", "transcriptions"}[f]
}

// Protocol and Passes name what passes through.
func (Format) Protocol() string { return genai.Chat }

// Passes is for both of OpenAI's protocols.
func (Format) Passes(protocol string) bool {
	return protocol == genai.Chat || protocol == genai.Responses
}

// Accept asks for what the request says, which need not be JSON.
func (f Format) Accept(r wire.Request) string {
	switch q := requestOf(r); {
	case q.head.Stream:
		return "text/event-stream"
	case f == Speech, f == Transcriptions:
		return "*/*"
	}
	return "application/json"
}

// Streams tells events and sound from documents.
func (f Format) Streams(contentType string) bool {
	return isEvents(contentType) || f == Speech && !strings.HasPrefix(strings.ToLower(contentType), "application/json")
}

func isEvents(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), "text/event-stream")
}

// ReadRequest reads a JSON body.
func (f Format) ReadRequest(body []byte) (wire.Request, *apierror.Error) {
	if f == Transcriptions {
		return nil, notForm()
	}
	r, e := readRequest(f, body, false)
	if e != nil {
		return nil, e
	}
	return r, nil
}

// ReadAnswer reads a plain answer.
func (f Format) ReadAnswer(text []byte, to *wire.Reply) (wire.Answer, *apierror.Error) {
	a, e := readAnswer(f, text, to)
	if e != nil {
		return nil, e
	}
	return a, nil
}

// Pass passes events or sound on, whichever the provider sends.
func (f Format) Pass(to *wire.Reply) wire.Stream {
	r := requestOf(to.Request)
	if !isEvents(to.Type) {
		return &sound{request: r}
	}
	ends := int64(1)
	if f == Generations || f == Edits {
		ends = r.choices()
	}
	return &stream{format: f, request: r, to: to, ends: ends}
}

// AppendError appends {"error": {…}}.
func (Format) AppendError(out []byte, e *apierror.Error, _ string) []byte { return e.Append(out) }

// AppendErrorEvent appends the same as the event that ends a stream.
func (Format) AppendErrorEvent(out []byte, e *apierror.Error, _ string) []byte {
	return e.AppendEvent(out)
}

// AppendResponse is not reached: Decode refuses what would be translated.
func (Format) AppendResponse(out []byte, _ *genai.Response, _ *wire.Reply, _ genai.Usage, _ *wire.Bill) []byte {
	return out
}

// NewEncoder is not reached, either.
func (Format) NewEncoder(*wire.Reply) wire.Encoder { return nil }

// Form is an endpoint that takes files.
type Form struct{ Format }

// ReadForm reads a form as it comes.
func (f Form) ReadForm(contentType string, body io.Reader) (wire.Request, *apierror.Error) {
	r, e := readForm(f.Format, contentType, body)
	if e != nil {
		return nil, e
	}
	return r, nil
}

// requestOf is the request of a call of this package's.
func requestOf(r wire.Request) *Request {
	switch r := r.(type) {
	case *Request:
		return r
	case *upload:
		return r.Request
	}
	return &Request{}
}

// Decode refuses: no other protocol has such a request.
func (r *Request) Decode() (*genai.Request, *apierror.Error) {
	return nil, apierror.Invalid("model", fmt.Sprintf("The provider of this model has no %s API that the gateway knows. "+
		"Name a model of a provider that speaks OpenAI's API.", r.format.noun()))
}

// Upstream is the body with the provider's own name for the model and without what is
// the gateway's.
func (r *Request) Upstream(model string, _ wire.Lowered) []byte {
	edits := []jsonscan.Edit{jsonscan.Replace(r.at[fieldModel], jsonscan.AppendString(make([]byte, 0, len(model)+2), model))}
	if !r.removed.Empty() {
		edits = append(edits, jsonscan.Replace(r.removed, nil))
	}
	jsonscan.SortEdits(edits)
	return jsonscan.Apply(make([]byte, 0, len(r.head.Body)+len(model)), r.head.Body, edits)
}
