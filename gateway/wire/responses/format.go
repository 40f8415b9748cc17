package responses

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Format is Responses as clients speak it.
type Format struct{}

// Endpoint is the ledger's name of POST /v1/responses.
func (Format) Endpoint() string { return "responses" }

// Protocol is what passes through.
func (Format) Protocol() string { return genai.Responses }

// ReadRequest reads the body as far as the gateway must know it.
func (Format) ReadRequest(body []byte) (wire.Request, *apierror.Error) {
	r, e := readRequest(body)
	if e != nil {
		return nil, e
	}
	return r, nil
}

// ReadAnswer reads a plain answer of a provider that speaks Responses.
func (Format) ReadAnswer(text []byte, to *wire.Reply) (wire.Answer, *apierror.Error) {
	a, e := readAnswer(text, to.Quoted)
	if e != nil {
		return nil, e
	}
	return a, nil
}

// Pass passes a stream on.
func (Format) Pass(to *wire.Reply) wire.Stream { return &stream{to: to} }

// AppendError appends {"error": {…}}.
func (Format) AppendError(out []byte, e *apierror.Error, _ string) []byte { return e.Append(out) }

// AppendErrorEvent appends the error event that ends a stream: the fields of Responses
// themselves, and the object that OpenAI's libraries raise an exception for. Its
// sequence number is 0: clients insist on one, and the stream's is not known here.
func (Format) AppendErrorEvent(out []byte, e *apierror.Error, _ string) []byte {
	j := wire.JSON(append(out, "event: error\ndata: "...))
	j.Open("", '{')
	j.Text("type", "error")
	textOrNull(&j, "code", e.Code)
	j.Text("message", e.Message)
	textOrNull(&j, "param", e.Param)
	j.Int("sequence_number", 0)
	object := e.Append(nil)
	j.Raw("error", wire.Member(object, jsonscan.Span{End: len(object)}, "error").Of(object))
	j.Close('}')
	return append(j, "\n\n"...)
}

func textOrNull(j *wire.JSON, name, s string) {
	if s == "" {
		j.Null(name)
		return
	}
	j.Text(name, s)
}

// Prompt gathers what a provider would count of the input and the tools.
func (r *Request) Prompt() (text string, messages int64) {
	var b wire.Prompt
	body := r.head.Body
	for _, at := range [...]jsonscan.Span{r.instructions, r.input} {
		if at.Empty() || body[at.Start] == 'n' {
			continue
		}
		messages++
		b.Gather(body, at)
	}
	if !r.input.Empty() && body[r.input.Start] == '[' {
		messages--
		for e := jsonscan.Array(body, r.input.Start); e.Next(); messages++ {
		}
	}
	if !r.tools.Empty() {
		b.Write(r.tools.Of(body)) // the schema is given to the model as text
	}
	return b.String(), messages
}
