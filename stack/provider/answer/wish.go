package answer

import (
	"encoding/json"
	"hash/fnv"
	"strings"

	"weir/stack/provider/ledger"
)

// Tool is a function that an answer may call.
type Tool struct {
	Name   string
	Schema json.RawMessage // of its arguments; none is an empty object
}

// Choice is what a request says of the tools that it brings.
type Choice struct {
	Mode string // "" or "auto", "none", "required", "named"
	Name string // the tool of "named"
}

// Wish is what a request asks for, read out of a protocol's body.
type Wish struct {
	Model     string // with its options
	Stream    bool
	Prompt    []byte // what the default counts depend on
	UserText  string // of the last turn of the user; a tool is called when "tool" is in it
	Tools     []Tool
	Choice    Choice
	Schema    json.RawMessage // that the text must satisfy, none for free text
	Object    bool            // the text is any JSON object
	MaxTokens int64           // of the answer, 0 for no limit
	Choices   int             // answers to the one request, 0 as 1
	Silent    bool            // usage is not asked for
	NoOutput  bool            // the answer is no text and has no tokens unless options say so
	Parts     int             // content chunks, whatever the options say; 0 for the options' number

	NoWrite bool // the protocol cannot report what was written to a cache
	Free    bool // nothing is billed

	Units      ledger.Units // what is billed beside tokens
	ByDuration bool         // Units.Seconds is billed in the place of the tokens, unless the options say otherwise
}

// tokens settles the counts of the answer: what the options name, and for the rest figures that depend
// on the prompt alone. limited says that MaxTokens cut the answer short.
func (q *Wish) tokens(o Options) (t ledger.Tokens, limited bool, err error) {
	t.Cached, t.Written1h, t.ToolUse = max(o.cached, 0), max(o.written1h, 0), max(o.toolUse, 0)
	t.Written = max(o.written, 0)
	if o.written == Unset {
		t.Written = t.Written1h
	}
	t.Prompt = o.input
	if o.input == Unset {
		t.Prompt = max((int64(len(q.Prompt))+3)/4, t.Cached+t.Written+t.ToolUse)
	}
	t.Completion = o.output
	switch {
	case o.output == Unset && q.NoOutput:
		t.Completion = max(o.reasoning, 0)
	case o.output == Unset:
		hash := fnv.New32a()
		hash.Write(q.Prompt)
		t.Completion = max(16+int64(hash.Sum32()%49), o.reasoning)
		if q.MaxTokens > 0 && q.MaxTokens < t.Completion {
			t.Completion, limited = q.MaxTokens, true
		}
	}
	t.Reasoning = max(o.reasoning, 0)
	switch {
	case q.NoWrite && t.Written > 0:
		return t, false, Invalid("model", "the mock provider's write option means nothing here: this protocol reports no cache writes")
	case t.Written1h > t.Written:
		return t, false, Invalid("model", "the mock provider's write1h option exceeds its write tokens")
	case t.Cached+t.Written+t.ToolUse > t.Prompt:
		return t, false, Invalid("model", "the mock provider's cached, write and tooluse options exceed its input tokens")
	case t.Reasoning > t.Completion:
		return t, false, Invalid("model", "the mock provider's reasoning option exceeds its output tokens")
	}
	return t, limited, nil
}

// called is the tool that the answer calls, nil for none. The rule: the tool that is named; the first
// when one is required; the first when it is up to the model and the last user text has the word "tool".
func (q *Wish) called() *Tool {
	if len(q.Tools) == 0 {
		return nil
	}
	switch q.Choice.Mode {
	case "required":
		return &q.Tools[0]
	case "none":
		return nil
	case "named":
		for i := range q.Tools {
			if q.Tools[i].Name == q.Choice.Name {
				return &q.Tools[i]
			}
		}
	}
	if strings.Contains(strings.ToLower(q.UserText), "tool") {
		return &q.Tools[0]
	}
	return nil
}
