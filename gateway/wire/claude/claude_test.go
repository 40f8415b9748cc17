package claude

import "testing"

func TestVersions(t *testing.T) {
	for model, want := range map[string]int{
		"claude-3-7-sonnet-20250219":                    307,
		"claude-opus-4-20250514":                        400,
		"claude-sonnet-4-5-20250929":                    405,
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0":  405,
		"us.anthropic.claude-opus-4-6-v1:0":             406,
		"global.anthropic.claude-opus-4-6-v1":           406,
		"claude-opus-4-7":                               407,
		"claude-opus-4-7@20260101":                      407,
		"claude-sonnet-5":                               500,
		"claude-mythos-preview":                         406,
		"anthropic.claude-opus-4-1-20250805-v1:0":       401,
		"MiniMax-M2":                                    0,
		"anthropic.claude-v2:1":                         100,
		"arn:aws:bedrock:us-east-1:1:inference-profile": 0,
	} {
		if got := Version(model); got != want {
			t.Errorf("%s is %d, want %d", model, got, want)
		}
	}
}
