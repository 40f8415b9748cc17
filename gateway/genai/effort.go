package genai

// efforts is how many tokens of thinking an effort stands for, where a protocol takes
// the one and the client gave the other. The figures are those that Google gives for
// reasoning_effort and thinking budgets (ai.google.dev/gemini-api/docs/openai, "Thinking");
// xhigh is the largest budget of its table of models.
func efforts() [5]struct {
	effort string
	budget int64
} {
	return [...]struct {
		effort string
		budget int64
	}{{"low", 1024}, {"minimal", 1024}, {"medium", 8192}, {"high", 24576}, {"xhigh", 32768}}
}

// Disabled tells that no thinking is wanted.
func (r *Reasoning) Disabled() bool { return r.Off || r.Effort == "none" }

// Tokens is the budget that was given, or that the effort stands for; 0 when there is
// neither.
func (r *Reasoning) Tokens() int64 {
	if r.Budget > 0 || r.Disabled() {
		return r.Budget
	}
	for _, e := range efforts() {
		if e.effort == r.Effort {
			return e.budget
		}
	}
	return 0
}

// Level is the effort that was given, or the first one that stands for as many tokens
// as the budget; none where no thinking is wanted, "" when there is neither.
func (r *Reasoning) Level() string {
	if r.Disabled() {
		return "none"
	}
	if r.Effort != "" || r.Budget <= 0 {
		return r.Effort
	}
	for _, e := range efforts() {
		if r.Budget <= e.budget {
			return e.effort
		}
	}
	return "xhigh"
}
