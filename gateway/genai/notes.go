package genai

import (
	"strconv"
	"strings"
)

// Adaptation is a change that an encoder makes to a request which Fit let through: the
// protocol has the feature, but not for this model, with these values, or in this place.
type Adaptation uint8

// The adaptations; Same is none.
const (
	Same Adaptation = iota
	TemperatureOut
	TopPOut
	TopKOut
	TemperatureCapped
	BudgetLowered
	ThinkingNoRoom
	ThinkingForced
	ThinkingMidTurn
	ThinkingStays
	EffortNearest
	EarlierThinking
	CallProof
	ModelMedia
	OpeningTurn
	LateSystem
	DocumentWords
	BlankStop
	LimitSet
	TierNearest
	ChoiceOut
	SearchOptions
	SchemaBounds
	SchemaWords
	OtherCitations
	ToolsDeclared
	StrictOut
	AdaptationCount
)

// change is a line of the list of adaptations: the client's field in each format, as in
// row, what became of it, and which protocols do it.
type change struct {
	fields    [3]string
	what      string
	protocols string
}

// changes is what encoders change to the client's loss. What only says the same in
// another way is not on it: turns of one role that are merged, instructions at the
// beginning that become the system text, ids and names in the letters that an API allows,
// efforts and budgets that stand for each other, pictures of a tool's result behind it,
// a failed result that says so in words, schemas that get the type they imply.
func changes(a Adaptation) change {
	one := func(name string) [3]string { return [3]string{name, name, name} }
	item := [3]string{"messages[%d]", "input[%d]", "messages[%d].content"}
	reasoning := [3]string{"reasoning_effort", "reasoning", "thinking"}
	schema := [3]string{"response_format", "text.format", "output_format"}
	switch a {
	case TemperatureOut:
		return change{one("temperature"), "was left out: this model refuses it, or does while it thinks", "anthropic, bedrock-converse"}
	case TopPOut:
		return change{one("top_p"), "was left out: this model refuses it, or does while it thinks", "anthropic, bedrock-converse"}
	case TopKOut:
		return change{one("top_k"), "was left out: this model refuses it, or does while it thinks", "anthropic, bedrock-converse"}
	case TemperatureCapped:
		return change{one("temperature"), "was lowered to 1, the most that the provider takes", "anthropic, bedrock-converse"}
	case BudgetLowered:
		return change{reasoning, "was given fewer tokens, to leave half of the output limit to the answer", "anthropic, bedrock-converse"}
	case ThinkingNoRoom:
		return change{reasoning, "was left out: the output limit leaves no room for the 1024 tokens that it takes at least", "anthropic, bedrock-converse"}
	case ThinkingForced:
		return change{reasoning, "was left out: this model does not think where a tool must be called", "anthropic, bedrock-converse"}
	case ThinkingMidTurn:
		return change{reasoning, "was left out: the turn that is under way began without it", "anthropic, bedrock-converse"}
	case ThinkingStays:
		return change{reasoning, "could not be switched off: the model may think, and thinking is billed", "all but anthropic"}
	case EffortNearest:
		return change{reasoning, "was brought to the nearest that the model knows", "anthropic, gemini, bedrock-converse"}
	case EarlierThinking:
		return change{item, "has thinking that was left out: the provider takes back none that it did not sign, or needs none", "all but gemini"}
	case CallProof:
		return change{item, "has a tool call whose signature was left out: it is another provider's", "openai-responses, anthropic, bedrock-converse"}
	case ModelMedia:
		return change{item, "has pictures, sound or files that were left out: the provider takes none in the model's turns", "openai-chat, openai-responses, anthropic"}
	case OpeningTurn:
		return change{[3]string{"messages", "input", "messages"}, "begin with the model: a turn of the user's without words of the client's was put before it",
			"anthropic, gemini, bedrock-converse"}
	case LateSystem:
		return change{item, "was said in the user's turn: the provider takes instructions at the beginning alone", "anthropic, gemini, bedrock-converse"}
	case DocumentWords:
		return change{item, "has a document without words: a text was put beside it", "bedrock-converse"}
	case BlankStop:
		return change{[3]string{"stop", "stop", "stop_sequences"}, "lost the sequences that are white space alone, which the provider refuses", "anthropic"}
	case LimitSet:
		return change{[3]string{"max_tokens", "max_output_tokens", "max_tokens"}, "was set, since the provider insists on a limit and the model's is not known",
			"anthropic"}
	case TierNearest:
		return change{one("service_tier"), "was taken for \"auto\": the provider has no such tier", "anthropic"}
	case ChoiceOut:
		return change{one("tool_choice"), "was left out: it is about tools that this provider does not count among those to choose from",
			"openai-chat, gemini"}
	case SearchOptions:
		return change{[3]string{"web_search_options", "tools", "tools"}, "has options of the web search that were left out", "openai-chat, openai-responses, anthropic, gemini"}
	case SchemaBounds:
		return change{schema, "has bounds or closings in a schema that the provider does not enforce: they were left out", "anthropic"}
	case SchemaWords:
		return change{schema, "has a description that was left out: the provider has no place for it", "anthropic, gemini"}
	case OtherCitations:
		return change{[3]string{"messages[%d].annotations", "input[%d].content.annotations", "messages[%d].content.citations"},
			"were left out: the provider takes its own alone", "anthropic"}
	case ToolsDeclared:
		return change{one("tools"), "were declared by name alone: the conversation calls some that the request does not declare", "bedrock-converse"}
	case StrictOut:
		return change{one("tools"), "are not strict: this model does not hold arguments to their schema", "gemini"}
	}
	return change{}
}

// String is the adaptation in words, with the field that it has in Chat Completions.
func (a Adaptation) String() string {
	return strings.Replace(changes(a).fields[0], "%d", "n", 1) + " " + changes(a).what
}

// Of names the protocols that make it.
func (a Adaptation) Of() string { return changes(a).protocols }

// Notes gathers the warnings of one encoding, one line for each adaptation; nil gathers
// none, for answers, which nobody can be warned of.
type Notes struct {
	request *Request
	noted   [AdaptationCount]bool
	lines   []string
}

// NotesOf are those of a request, none yet.
func NotesOf(r *Request) *Notes { return &Notes{request: r} }

// Warnings are the lines, each of which begins with the client's field.
func (n *Notes) Warnings() []string { return n.lines }

// Add notes an adaptation of the request, once.
func (n *Notes) Add(a Adaptation) { n.At(a, -1) }

// At notes an adaptation in the message at an index, that of the first one.
func (n *Notes) At(a Adaptation, index int) {
	if n == nil || a == Same || n.noted[a] {
		return
	}
	n.noted[a] = true
	c := changes(a)
	n.lines = append(n.lines, n.request.field(c.fields, index)+" "+c.what)
}

// Temperature is the client's, or 1 where it is above and the protocol takes no more.
func (n *Notes) Temperature() string {
	if f, err := strconv.ParseFloat(n.request.Temperature, 64); err == nil && f > 1 {
		n.Add(TemperatureCapped)
		return "1"
	}
	return n.request.Temperature
}
