// Package claude is what Anthropic's models want whichever API they are reached by: how
// they are told to think, and how to sample.
//
// Guarantee: what is left out or lowered is noted. Concurrency: functions without state.
// Failure: none; a name that is no Claude's is taken for an old one's.
package claude

import (
	"strconv"
	"strings"

	"weir/gateway/genai"
)

// leastBudget is the smallest budget of thinking that is taken.
const leastBudget = 1024

// Thinking is how a request asks a model to think, in the words that the model takes.
type Thinking struct {
	Budget   int64 // 0 for none
	Adaptive bool
	Off      bool   // said, and not only left out
	Level    string // the effort that an adaptive one has
	Summary  bool
}

// On tells that the model is to think.
func (t *Thinking) On() bool { return t.Budget > 0 || t.Adaptive }

// Think chooses. Models since Claude 4.6 think as much as an effort lets them, and
// those since 4.7 refuse a budget; older ones, and those of other makers that speak
// Anthropic's protocol, take a budget. It must stay below the limit of output tokens (0
// for none), and thinking cannot go with a tool that must be called, nor begin in the
// middle of a turn: then it is left out, as the request is worth more than the thought.
// signed tells which thinking the API can check.
func Think(r *genai.Request, model string, limit int64, signed func(*genai.Part) bool, notes *genai.Notes) (t Thinking) {
	want := r.Reasoning
	if want == nil {
		return t
	}
	if want.Disabled() {
		t.Off = true
		return t
	}
	t.Summary = want.Summary != ""
	forced := r.Choice.Mode == genai.ToolRequired || r.Choice.Mode == genai.ToolNamed
	if version := Version(model); version >= 406 {
		if t.Level = level(want, version); want.Effort != "" && t.Level != want.Effort {
			notes.Add(genai.EffortNearest)
		}
		if t.Adaptive = !forced; forced {
			notes.Add(genai.ThinkingForced)
		}
		return t
	}
	tokens := want.Tokens()
	if tokens == 0 {
		tokens = (&genai.Reasoning{Effort: "medium"}).Tokens()
	}
	lowered := false
	if tokens = max(tokens, leastBudget); limit > 0 && tokens >= limit {
		tokens, lowered = limit/2, want.Budget > 0 // an effort says no number that could be missed
	}
	switch {
	case forced:
		notes.Add(genai.ThinkingForced)
	case tokens < leastBudget:
		notes.Add(genai.ThinkingNoRoom)
	case midTurn(r, signed):
		notes.Add(genai.ThinkingMidTurn)
	default:
		if t.Budget = tokens; lowered {
			notes.Add(genai.BudgetLowered)
		}
	}
	return t
}

// Sampled takes out of a request what the model refuses to be told of sampling: all of
// it where it thinks, and from 4.7 on.
func Sampled(r *genai.Request, model string, thinks bool, notes *genai.Notes) (temperature, topP, topK string) {
	if !thinks && Version(model) < 407 {
		return notes.Temperature(), r.TopP, r.TopK
	}
	for _, f := range [...]struct {
		value string
		out   genai.Adaptation
	}{{r.Temperature, genai.TemperatureOut}, {r.TopP, genai.TopPOut}, {r.TopK, genai.TopKOut}} {
		if f.value != "" {
			notes.Add(f.out)
		}
	}
	return "", "", ""
}

// level is the effort in the API's words.
func level(r *genai.Reasoning, version int) string {
	effort := r.Effort
	if r.Budget > 0 {
		effort = r.Level()
	}
	switch effort {
	case "minimal":
		return "low"
	case "xhigh", "max":
		if version < 407 {
			return "max" // xhigh came with 4.7
		}
	}
	return effort
}

// Version is 100 times the major and the minor version of a Claude model by its name,
// in any vendor's writing of it, 0 for others: claude-opus-4-6, anthropic.claude-opus-4-7-v1:0,
// claude-sonnet-5, claude-3-7-sonnet-20250219.
func Version(model string) int {
	_, name, ok := strings.Cut(model, "claude-")
	if !ok {
		return 0
	}
	if strings.HasPrefix(name, "mythos-preview") {
		return 406 // what it takes, though it has no number
	}
	version, found := 0, false
	for _, piece := range strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '.' || c == '@' || c == ':' }) {
		n, err := strconv.Atoi(piece)
		switch {
		case err != nil && found, err == nil && n > 99: // a date, or what follows the version
			return version
		case err != nil:
		case found:
			return version + n
		default:
			version, found = 100*n, true
		}
	}
	return version
}

// midTurn tells that the answer was begun already, or that the last message of the model
// called tools and did not begin with a thought: a budget is refused then, whatever the
// user says beside the results.
func midTurn(r *genai.Request, signed func(*genai.Part) bool) bool {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		m := &r.Messages[i]
		if m.Role != genai.Assistant {
			continue
		}
		if i == len(r.Messages)-1 {
			return true
		}
		calls, thought := false, false
		for j := range m.Parts {
			calls = calls || m.Parts[j].Kind == genai.Call
			thought = thought || signed(&m.Parts[j])
		}
		return calls && !thought
	}
	return false
}
