package genai

// What an effort is worth in tokens, for protocols that know budgets alone: Google's
// own table for OpenAI's clients (ai.google.dev/gemini-api/docs/openai), with an xhigh
// above it.
const (
	budgetLow    = 1024
	budgetMedium = 8192
	budgetHigh   = 24576
	budgetXHigh  = 32768
)

// Tokens is the budget: the client's, or what its effort is worth; 0 for no thinking.
func (r *Reasoning) Tokens() int64 {
	if r.Off {
		return 0
	}
	if r.Budget > 0 {
		return r.Budget
	}
	switch r.Effort {
	case "none":
		return 0
	case "minimal", "low":
		return budgetLow
	case "high":
		return budgetHigh
	case "xhigh", "max":
		return budgetXHigh
	}
	return budgetMedium
}

// Level is the effort: the client's, or the least whose worth holds its budget.
func (r *Reasoning) Level() string {
	switch {
	case r.Effort != "":
		return r.Effort
	case r.Off:
		return "none"
	case r.Budget == 0:
		return "medium"
	case r.Budget <= budgetLow:
		return "low"
	case r.Budget <= budgetMedium:
		return "medium"
	}
	return "high"
}
