package messages

import (
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// CountPath is the path of a count under the base URL of a provider of this protocol.
const CountPath = "messages/count_tokens"

// Count is the counting of a request's tokens as clients ask for it. Providers of other
// protocols are not asked: the gateway answers with AppendCount. Nothing is streamed,
// nothing is put out and nothing is billed.
type Count struct{ Format }

// Endpoint is the ledger's name of POST /v1/messages/count_tokens.
func (Count) Endpoint() string { return "messages.count_tokens" }

// Path is that of a count under the base URL of a provider.
func (Count) Path() string { return CountPath }

// Counted is the answer that the gateway makes from its own count.
func (Count) Counted(tokens int64) wire.Answer {
	return &count{text: AppendCount(nil, tokens), seen: wire.Seen{HasUsage: true}}
}

// ReadRequest reads the body, as that of a request which is not streamed.
func (Count) ReadRequest(body []byte) (wire.Request, *apierror.Error) {
	r, e := readRequest(body)
	if e != nil {
		return nil, e
	}
	r.head.Stream = false
	return &countRequest{r}, nil
}

// countRequest has no output that could be limited.
type countRequest struct{ *Request }

func (r *countRequest) Upstream(model string, lowered wire.Lowered) []byte {
	return r.Request.Upstream(model, wire.Lowered{AutoCache: lowered.AutoCache})
}

// ReadAnswer reads {"input_tokens": N}, which is passed on as it is.
func (Count) ReadAnswer(text []byte, _ *wire.Reply) (wire.Answer, *apierror.Error) {
	start := jsonscan.Space(text, 0)
	if _, ok := jsonscan.Valid(text); !ok || text[start] != '{' {
		return nil, unreadable("The provider's answer is not a JSON object.")
	}
	whole := jsonscan.Span{Start: start, End: len(text)}
	if !wire.Member(text, whole, "error").Empty() {
		return nil, errorInside(text, start)
	}
	n := wire.Member(text, whole, "input_tokens")
	if n.Empty() || wire.Count(n.Of(text)) < 0 {
		return nil, unreadable("The provider's answer has no count of tokens.")
	}
	return &count{text: text, seen: wire.Seen{HasUsage: true}}, nil
}

// count is an answer; its usage is nothing, for counting is free.
type count struct {
	text []byte
	seen wire.Seen
}

func (c *count) Seen() *wire.Seen { return &c.seen }

func (c *count) Append(out []byte, _ genai.Usage, _ *wire.Bill) []byte { return append(out, c.text...) }

// AppendCount appends the answer that the gateway makes from its own count.
func AppendCount(out []byte, tokens int64) []byte {
	out = append(out, `{"input_tokens":`...)
	return append(strconv.AppendInt(out, max(0, tokens), 10), '}')
}
