package genai

import "testing"

func TestEffortsAndBudgets(t *testing.T) {
	for name, c := range map[string]struct {
		in     Reasoning
		tokens int64
		level  string
	}{
		"nothing":      {Reasoning{}, 0, ""},
		"low":          {Reasoning{Effort: "low"}, 1024, "low"},
		"xhigh":        {Reasoning{Effort: "xhigh"}, 32768, "xhigh"},
		"none":         {Reasoning{Effort: "none"}, 0, "none"},
		"unknown":      {Reasoning{Effort: "huge"}, 0, "huge"},
		"small budget": {Reasoning{Budget: 100}, 100, "low"},
		"budget":       {Reasoning{Budget: 8000}, 8000, "medium"},
		"vast budget":  {Reasoning{Budget: 100_000}, 100_000, "xhigh"},
		"off":          {Reasoning{Off: true, Budget: 0}, 0, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.in.Tokens(); got != c.tokens {
				t.Errorf("tokens %d, want %d", got, c.tokens)
			}
			if got := c.in.Level(); got != c.level {
				t.Errorf("level %q, want %q", got, c.level)
			}
		})
	}
}
