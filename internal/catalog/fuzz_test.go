package catalog

import (
	"encoding/json"
	"testing"

	"weir/schemas"
)

// Model names come from clients: whatever they send, the answer is the same from
// the memory as from the rules, and nothing breaks.
func FuzzName(f *testing.F) {
	c := newCatalog(f, Config{Models: []ModelConfig{mock}})
	for _, seed := range []string{"gpt-4o-20240806", "claude-sonnet-4-5@20250929", "-20261399-20260101:", "small:in=1", "İ", "\xff", ""} {
		f.Add("openai", seed)
		f.Add("mock", seed)
	}
	f.Fuzz(func(t *testing.T, provider, model string) {
		first, ok1 := c.Price(provider, model, noon)
		second, ok2 := c.Price(provider, model, noon)
		if first != second || ok1 != ok2 {
			t.Fatalf("%q/%q: %v, then %v", provider, model, ok1, ok2)
		}
		if !ok1 {
			return
		}
		if _, _, err := first.Cost(&schemas.Tokens{Input: 1e9, CachedInput: 1e9, CacheWrite: 1e9, Output: 1e9, Reasoning: 1e9}, nil); err != nil {
			t.Fatalf("%q/%q: the largest plausible usage: %v", provider, model, err)
		}
	})
}

func FuzzSourcePrice(f *testing.F) {
	for _, seed := range []string{`"0.15"`, `["3",[200000,"6"]]`, `[]`, `["1",[1]]`, `["1",7]`, `{}`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p sourcePrice
		if json.Unmarshal(b, &p) != nil {
			return
		}
		units := map[string]sourceUnit{"input_tokens": {Per: 1e6}}
		if pricing, err := compile("x", map[string]sourcePrice{"input_tokens": p}, units, nil); err == nil && len(pricing.tiers) == 0 {
			t.Fatalf("%s compiles to nothing", b)
		}
	})
}
