package genai

// Request is what a client asks of a model, whichever format it was written in.
type Request struct {
	Messages []Message
	Tools    []Tool
	Choice   ToolChoice
	// Parallel says whether several tools may be called at once; nil when the client
	// did not say.
	Parallel *bool

	MaxTokens   int64  // output tokens of one choice; 0 when the client set none
	Temperature string // a JSON number as the client wrote it; "" for none, as below
	TopP        string
	TopK        string
	Seed        string
	Presence    string // presence_penalty
	Frequency   string // frequency_penalty
	Stop        []string
	Choices     int64 // n; 0 when the client did not say

	LogProbs    bool
	TopLogProbs string

	Output    *Output
	Reasoning *Reasoning
	Verbosity string // low, medium, high

	User        string // the client's own end user
	ServiceTier string
	Stream      bool

	// Extra are top-level fields that this type has no place for, in the order in
	// which they came. A protocol that knows a field by the same name and meaning
	// takes it from here (see Known); what is left is dropped with a warning.
	Extra []Field
	// From is the format that the request was written in, by its protocol's name.
	From string
}

// Field is a member as it stood in the JSON.
type Field struct {
	Name string
	Raw  []byte // the value
}

// Role is whose turn a message is.
type Role uint8

// The roles. What a tool answered is a ToolResult in a message of the user's.
const (
	User Role = iota
	Assistant
	System
	Developer
)

// Message is one turn.
type Message struct {
	// Index is where it stood among the client's messages, or -1 for instructions that
	// stood beside them.
	Index int
	Role  Role
	Name  string
	Parts []Part
}

// PartKind tells what a part is.
type PartKind uint8

// The kinds of parts.
const (
	Text       PartKind = iota
	Refusal             // Text
	Image               // Media
	Audio               // Media
	File                // Media: PDFs, documents
	Call                // Call
	Result              // Result
	Thinking            // Text, which may be empty, and Proof
	ServerTool          // Raw: a tool that the provider ran itself, and what it gave
)

// Part is a piece of a message. Which fields count follows from Kind.
type Part struct {
	Kind      PartKind
	Text      string
	Media     *Media
	Call      *ToolCall
	Result    *ToolResult
	Proof     *Proof
	Cache     *Cache // a prompt cache breakpoint behind this part; nil for none
	Citations []Citation
	// Raw is the part as its own protocol (From) wrote it, for parts that other
	// protocols cannot say.
	Raw  []byte
	From string
}

// Media is an image, a sound or a file: data in the request, or a reference.
type Media struct {
	MIME   string // "" when the client did not say
	Data   string // base64, "" for a reference
	URL    string // http(s), gs or s3
	FileID string // of a file that lies with the provider
	Name   string // of the file
	Detail string // OpenAI's low, high, auto
	Title  string // Anthropic's, of a document
	// Context is what Anthropic lets a document be introduced with.
	Context string
	Cited   bool // citations were asked for
	Plain   bool // Data is text and not base64
}

// ToolCall is a call that the model wants made.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // JSON, "" and "{}" for none
	// Custom says that Arguments is free text, to a custom tool.
	Custom bool
	// ItemID is the id of the Responses item, beside its call_id.
	ItemID string
	// Signature is Gemini's thoughtSignature of the call, base64.
	Signature string
}

// ToolResult is what a call gave.
type ToolResult struct {
	CallID string
	Name   string // of the tool where the format says it; encoders look it up by CallID where it is needed
	Parts  []Part // Text, Image, File
	Failed bool
}

// Proof is what a provider wants back with its own thinking, untouched.
type Proof struct {
	Signature string // Anthropic's, Bedrock's, Gemini's
	Redacted  string // thinking that is encrypted whole: Anthropic's data, OpenAI's encrypted_content
	ID        string // of the Responses item
	From      string // the protocol that made it: no other one can check it
}

// Cache is a prompt cache breakpoint.
type Cache struct {
	TTL string // "5m", "1h"; "" for the provider's default
}

// Citation is where a statement comes from.
type Citation struct {
	URL, Title string
	Quote      string // the text that is cited
	FileID     string
	Document   int // index of the document among those of the request, where there is no URL
	Start, End int // of the citing text, in characters; both 0 when not known
	Raw        []byte
	From       string // the protocol that wrote Raw
}

// Tool is a tool that the model may use.
type Tool struct {
	Name        string
	Description string
	Parameters  []byte // JSON Schema; nil for none
	Strict      *bool
	Cache       *Cache
	// Server is the canonical name of a tool that the provider runs itself
	// ("web_search"), "" for a function of the client's.
	Server  string
	MaxUses int64 // of a server tool; 0 when the client did not say
	// Raw is the tool as its own protocol (From) wrote it, for server tools and custom
	// ones.
	Raw  []byte
	From string
}

// ToolMode says how freely the model chooses.
type ToolMode uint8

// The modes; ToolDefault when the client did not say.
const (
	ToolDefault ToolMode = iota
	ToolAuto
	ToolNone
	ToolRequired
	ToolNamed
)

// ToolChoice is which tool must be used; Name with ToolNamed alone.
type ToolChoice struct {
	Mode ToolMode
	Name string
}

// Output is the form that the answer must have.
type Output struct {
	// Schema is the JSON Schema; nil for any JSON object.
	Schema      []byte
	Name        string
	Description string
	Strict      *bool
}

// Reasoning is how much the model may think before it answers.
type Reasoning struct {
	Effort  string // none, minimal, low, medium, high, xhigh; "" where a budget was given
	Budget  int64  // tokens; 0 where an effort was given
	Off     bool
	Summary string // auto, concise, detailed; "" for none asked for
}
