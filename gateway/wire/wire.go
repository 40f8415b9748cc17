package wire

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// Format is what clients speak at one endpoint. It is stateless.
type Format interface {
	// Endpoint is the ledger's name of the endpoint.
	Endpoint() string
	// Protocol is the name of the protocol that has the same bytes: a call to such a
	// provider passes through.
	Protocol() string
	// ReadRequest reads a body as far as the gateway must know it.
	ReadRequest(body []byte) (Request, *apierror.Error)

	// ReadAnswer and Pass are for answers in the same protocol: they edit in place what
	// the gateway has to say. text has status 2xx; the error is the provider's own when
	// the answer holds one.
	ReadAnswer(text []byte, to *Reply) (Answer, *apierror.Error)
	Pass(to *Reply) Stream

	// AppendResponse and NewEncoder are for answers in other protocols. usage is what is
	// billed, also where the provider reported none.
	AppendResponse(out []byte, r *genai.Response, to *Reply, usage genai.Usage, bill *Bill) []byte
	NewEncoder(to *Reply) Encoder

	// AppendError appends the body of an error, and AppendErrorEvent the event that ends
	// a stream that has begun.
	AppendError(out []byte, e *apierror.Error, requestID string) []byte
	AppendErrorEvent(out []byte, e *apierror.Error, requestID string) []byte
}

// Placed is a Format whose calls have a path of their own at providers of the same
// protocol, in the place of Protocol.Call's.
type Placed interface {
	Format
	Path() string // under the base URL
}

// Counter is a Format that asks how many tokens a request has. Providers of other
// protocols are not asked: the gateway counts.
type Counter interface {
	Format
	Counted(tokens int64) Answer
}

// Reply is what an answer says that the provider does not.
type Reply struct {
	Request Request
	ID      string // the gateway's id of the call
	Model   string // provider/model
	Quoted  []byte // Model as a JSON string
	Created int64  // seconds since the epoch
	// Bill prices a usage report of a stream, for the event that carries it.
	Bill func(genai.Usage) *Bill
}

// Head is what every request says, whatever its format.
type Head struct {
	Body   []byte
	Model  string // as sent
	Stream bool
	User   string // the client's end user, by the format's own field

	Metadata jsonscan.Span // entries for the ledger, an object; empty when absent or null
	Requesty jsonscan.Span // the router's, an object; empty when absent or null
}

// Request is a client's request; it belongs to its call.
type Request interface {
	Head() *Head
	// Bounds reads once more what the request says of the tokens that it may use.
	Bounds() (Bounds, *apierror.Error)
	// Prompt gathers the texts that a provider would count, and how many messages they
	// are, for providers that report no usage.
	Prompt() (text string, messages int64)
	// Upstream returns the body for a provider of the same protocol: the model replaced
	// by the provider's own name for it, requesty removed, usage asked for in a stream,
	// and the output limit lowered. Every other byte is the client's.
	Upstream(model string, lowered Lowered) []byte
	// Decode reads the whole of it, for a provider of another protocol. What it returns
	// may share memory with the body. A request that was read by ReadRequest may still be
	// malformed deeper inside.
	Decode() (*genai.Request, *apierror.Error)
}

// Lowered is a limit of output tokens in place of the client's; the zero value
// leaves what the client set.
type Lowered struct {
	Limit int64
	// Field is where the limit goes when the client set none, where vendors of one
	// protocol differ.
	Field string
	// AutoCache puts prompt cache breakpoints where the client set none, in formats that
	// have them. For translations genai.Request.AutoCache does it.
	AutoCache bool
}

// Answer is a plain answer that was read.
type Answer interface {
	Seen() *Seen
	// Append appends the answer as the client gets it: with the model and the bill. For a
	// provider that reported no usage, usage is what the gateway counted.
	Append(out []byte, usage genai.Usage, bill *Bill) []byte
}

// Step says how a stream goes on.
type Step uint8

// More wants the next read; the other two end the stream.
const (
	More   Step = iota
	Done        // the event that ends the answer was read, and is withheld
	Failed      // Err says how
)

// MaxEvent bounds one event of a stream, in bytes.
const MaxEvent = 16 << 20

// Stream reads a provider's stream and writes the client's. It does no I/O.
type Stream interface {
	// Feed reads the complete events in text, appends to out what goes to the client and
	// returns how many bytes of text it is done with. The rest of text must stand at the
	// beginning of the next call's. After Done or Failed the stream still reads usage, but
	// writes nothing more.
	Feed(out, text []byte, eof bool) (_ []byte, used int, step Step)
	// Seen is complete once Close was called.
	Seen() *Seen
	// Started tells that an event of the answer has been read.
	Started() bool
	// Err is how the stream failed, nil if it did not.
	Err() *apierror.Error
	// Close ends the reading.
	Close()
	// AppendGap appends what must stand between what was written and an event of the
	// gateway's own.
	AppendGap(out []byte) []byte
	// AppendEnd appends what ends the answer, with the usage where the client is to have
	// it and has not had it.
	AppendEnd(out []byte, usage genai.Usage, bill *Bill) []byte
}

// Encoder writes a translated stream.
type Encoder interface {
	// Encode appends what a client is told of an event. Failure and End are not given to
	// it; Reported may be ignored, since AppendEnd has the sum.
	Encode(out []byte, e *genai.Event) []byte
	AppendEnd(out []byte, usage genai.Usage, bill *Bill) []byte
}

// Bill is what the gateway adds to the usage that a client sees.
type Bill struct {
	Cost      []byte // USD, a JSON number
	Cached    int64
	Written   int64
	Reasoning int64
}

// Protocol is what a provider speaks. It is stateless.
type Protocol interface {
	// Name is the protocol's in weir.yaml.
	Name() string
	// Call is the path under the base URL of a call, escaped, and its query.
	Call(model string, stream bool) (path, query string)
	// Knows tells whether a field of genai.Request.Extra means the same here.
	Knows(field string) bool
	// Encode writes a request that genai.Fit has made one of this protocol's. The warnings
	// say what it still had to change to the client's loss, by genai's list of adaptations.
	Encode(r *genai.Request, o Options) (body []byte, warnings []string, e *apierror.Error)
	// Decode reads a plain answer with status 2xx. The error is the provider's own when
	// the answer holds one.
	Decode(text []byte) (*genai.Response, *apierror.Error)
	NewDecoder() Decoder
	// ReadError reads an answer with an error status, as ReadError does.
	ReadError(status int, text []byte) *apierror.Error
}

// Headed is a Protocol some of whose requests need headers beside those of every call.
type Headed interface {
	Protocol
	// Headers are those of a request that is about to be encoded.
	Headers(r *genai.Request) []Header
}

// Header is a header of a call.
type Header struct{ Name, Value string }

// Options are what an encoder must know beside the request.
type Options struct {
	Model string // the provider's own name for it
	// LimitField is the field that limits the output, where vendors differ.
	LimitField string
	// MaxOutput is the most output tokens of the model, 0 when it is not known: for
	// protocols that insist on a limit.
	MaxOutput int64
}

// Decoder reads a provider's stream.
type Decoder interface {
	// Decode reads the complete frames in text, appends their events and returns how many
	// bytes of text it is done with, as Stream.Feed does. What is malformed, and an error
	// of the provider's, is a Failure; after it, and after End, only Reported may follow.
	Decode(events []genai.Event, text []byte, eof bool) (_ []genai.Event, used int)
}
