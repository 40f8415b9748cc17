package genai

import "weir/gateway/apierror"

// Response is a whole answer, whichever protocol it came in.
type Response struct {
	ID          string
	Created     int64 // seconds since the epoch; 0 when the provider did not say
	Choices     []Choice
	Usage       *Usage // nil when the provider reported none
	ServiceTier string
}

// Choice is one of the answers.
type Choice struct {
	Parts        []Part
	Stop         Stop
	StopSequence string // that was met, with StopOnSequence
	LogProbs     []byte // OpenAI's object, JSON; nil for none
}

// Stop is why the model stopped.
type Stop uint8

// The reasons; StopUnknown where the provider gave none, or one without a name here.
const (
	StopUnknown Stop = iota
	StopEnd
	StopLength
	StopOnSequence
	StopTools
	StopFilter // the provider's filter, or the model's refusal
	StopPause  // Anthropic's pause_turn: to be gone on with
)

// String is the reason in OpenAI's words, which the ledger has for translated answers.
func (s Stop) String() string {
	switch s {
	case StopEnd, StopOnSequence:
		return "stop"
	case StopLength:
		return "length"
	case StopTools:
		return "tool_calls"
	case StopFilter:
		return "content_filter"
	case StopPause:
		return "pause"
	}
	return ""
}

// Usage is what a provider reported: Prompt holds Cached and Written, Completion
// holds Reasoning. A count that is not a whole number of zero or more is Garbage;
// one that is absent is 0.
type Usage struct {
	Prompt     int64
	Completion int64
	Total      int64
	Cached     int64 // of Prompt: read from the provider's prompt cache
	Written    int64 // of Prompt: written to it
	Reasoning  int64 // of Completion

	WrittenHour int64 // of Written: to be kept an hour
	InputAudio  int64 // of Prompt
	OutputAudio int64 // of Completion
	InputImage  int64 // of Prompt
	OutputImage int64 // of Completion
	Searches    int64 // web searches that the provider ran
	Sources     int64 // that xAI's searches used
	Seconds     int64 // of audio that was heard, rounded up
}

// Garbage stands for a count that no provider can mean.
const Garbage = -1

// EventKind tells what an event of a stream says.
type EventKind uint8

// The kinds, in the order in which a stream has them. A stream begins with Start
// and ends with End or Failure; parts of a choice follow one another and do not
// overlap, those of different choices may.
const (
	Start     EventKind = iota // ID, ServiceTier and, where it is known already, Usage
	PartStart                  // Part, in which text is empty and a call has ID and Name
	Delta                      // Text, by Delta
	PartEnd
	Finish   // Stop, StopSequence of the choice
	Reported // Usage so far; the last one counts
	Ping
	Failure // Err
	End
)

// DeltaKind tells what a Delta goes on with.
type DeltaKind uint8

// The kinds of deltas. Text is also that of thinking, by the part's kind.
const (
	DeltaText DeltaKind = iota
	DeltaArguments
	DeltaSignature // of thinking; the whole, or a piece, of Proof.Signature
	DeltaCitation  // Citation
)

// Event is one step of a streamed answer. Its strings are its own; Raw and LogProbs
// are valid until the next read.
type Event struct {
	Kind     EventKind
	Choice   int
	Index    int // of the part within the choice, from 0
	Part     Part
	Delta    DeltaKind
	Text     string
	Citation *Citation
	LogProbs []byte // OpenAI's object, of this delta

	Stop         Stop
	StopSequence string

	ID          string
	ServiceTier string
	Usage       Usage
	Err         *apierror.Error
}
