package messages

import (
	"strconv"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// leastBudget is the smallest budget of thinking that the API takes.
const leastBudget = 1024

// thinking is how a request asks a model to think, in the words that the model takes.
type thinking struct {
	limit    int64 // max_tokens, which holds the budget
	budget   int64 // 0 for none
	adaptive bool
	off      bool   // said, and not only left out
	level    string // output_config.effort
	summary  bool
	sampled  bool // temperature, top_p and top_k are taken
}

func (t *thinking) on() bool { return t.budget > 0 || t.adaptive }

// thinkingOf chooses. Models since Claude 4.6 think as much as an effort lets them, and
// those since 4.7 refuse a budget; older ones, and those of other makers that speak this
// protocol, take a budget. It must stay below the limit, and thinking cannot go with a
// tool that must be called, nor begin in the middle of a turn: then it is left out, as
// the request is worth more than the thought. A model that thinks, and any since 4.7,
// refuses to be told how to sample.
func thinkingOf(r *genai.Request, o wire.Options) thinking {
	version := versionOf(o.Model)
	t := thinking{limit: r.MaxTokens, sampled: version < 407}
	want := r.Reasoning
	tokens := int64(0)
	if want != nil {
		tokens = want.Tokens()
	}
	if t.limit <= 0 {
		if t.limit = o.MaxOutput; t.limit <= 0 {
			t.limit = defaultLimit + tokens
		}
	}
	if want == nil {
		return t
	}
	if want.Off || want.Effort == "none" {
		t.off = true
		return t
	}
	t.summary = want.Summary != ""
	forced := r.Choice.Mode == genai.ToolRequired || r.Choice.Mode == genai.ToolNamed
	if version >= 406 {
		t.level = level(want, version)
		t.adaptive = !forced
		return t
	}
	if tokens == 0 {
		tokens = (&genai.Reasoning{Effort: "medium"}).Tokens()
	}
	if tokens = max(tokens, leastBudget); tokens >= t.limit {
		tokens = t.limit / 2 // the rest is the answer's
	}
	if tokens >= leastBudget && !forced && !midTurn(r) {
		t.budget = tokens
	}
	return t
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

// versionOf is 100 times the major and the minor version of a Claude model by its name,
// in any vendor's writing of it, 0 for others: claude-opus-4-6, anthropic.claude-opus-4-7-v1:0,
// claude-sonnet-5, claude-3-7-sonnet-20250219.
func versionOf(model string) int {
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
// called tools and did not begin with a thought: the API refuses a budget then, whatever
// the user says beside the results.
func midTurn(r *genai.Request) bool {
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
			thought = thought || sendable(&m.Parts[j])
		}
		return calls && !thought
	}
	return false
}

// sendable tells that a part is thinking that the API can check.
func sendable(p *genai.Part) bool {
	return p.Kind == genai.Thinking && p.Proof != nil && (p.Proof.Signature != "" || p.Proof.Redacted != "") &&
		p.Proof.From == genai.Anthropic
}

func (t *thinking) encode(j *wire.JSON) {
	if !t.on() && !t.off {
		return
	}
	j.Open("thinking", '{')
	switch {
	case t.off:
		j.Text("type", "disabled")
	case t.adaptive:
		j.Text("type", "adaptive")
		if t.summary {
			j.Text("display", "summarized") // 4.7 shows no thinking where it is not asked to
		}
	default:
		j.Text("type", "enabled")
		j.Int("budget_tokens", t.budget)
	}
	j.Close('}')
}
