package wire

import (
	"io"

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

// Shared is a Format whose bytes more protocols have than Protocol names.
type Shared interface {
	Format
	Passes(protocol string) bool
}

// Foreign is a Request whose conversation may have been another protocol's before: what
// a provider of that one signed, one of the format's own protocol would refuse. Such a
// request is translated, which leaves it out, where another would pass as it is.
type Foreign interface {
	Request
	Foreign() bool
}

// Located is a Request that may itself say where it is served, whatever the address is.
type Located interface {
	Request
	// Place is what it says, "" for nothing.
	Place() string
}

// Bridging is a Format that reaches some protocols without package genai.
type Bridging interface {
	Format
	// Bridge is the way of a request to a protocol; nil where there is none.
	Bridge(r Request, p Protocol) (Bridge, *apierror.Error)
}

// Bridge takes one request to a protocol, and its plain answer back.
type Bridge interface {
	// Call is the path under the base URL, escaped, and the body.
	Call(model string) (path string, body []byte)
	ReadAnswer(text []byte, to *Reply) (Answer, *apierror.Error)
	// Warnings name what is left out.
	Warnings() []string
}

// Typed is a Format whose answers come in more than one media type.
type Typed interface {
	Format
	// Accept is what a request asks for.
	Accept(r Request) string
	// Streams tells whether an answer of a media type is passed on as it comes.
	Streams(contentType string) bool
}

// Uploading is a Format whose requests may be forms with files.
type Uploading interface {
	Format
	// ReadForm reads a body as it comes. An error of body's ends it with a nil error.
	ReadForm(contentType string, body io.Reader) (Request, *apierror.Error)
}

// Uploaded is a Request with files. Close gives them up; an Upload that is still being
// read then fails.
type Uploaded interface {
	Request
	io.Closer
	// Upload is what Upstream is to other requests.
	Upload(model string) Upload
}

// Upload is a body that is not held in memory. It may be opened any number of times.
type Upload interface {
	Open() io.ReadCloser
	Size() int64
	ContentType() string
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
	Type    string // the answer's media type, as the provider has it
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

// Opaque is a Stream of bytes that are no events: that it ended early cannot be said in
// it, so the connection says it.
type Opaque interface {
	Stream
	Opaque()
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

// Embedder is a Protocol with embeddings of its own.
type Embedder interface {
	Protocol
	// Embed is the call for a vector of each text; dimensions is 0 for the model's own.
	// path is "" where the provider has none.
	Embed(model string, texts []string, dimensions int64) (path string, body []byte)
	// Embedded reads the answer: the vectors as JSON arrays of numbers, and the tokens
	// of the texts, 0 when the provider did not say.
	Embedded(text []byte) (vectors [][]byte, tokens int64, e *apierror.Error)
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
