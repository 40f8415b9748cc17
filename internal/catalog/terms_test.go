package catalog

import (
	"strings"
	"testing"

	"weir/schemas"
)

// The prices of OpenAI's priority processing as openai.com/api-fast-mode gives
// them, per million tokens of input, cached input and output: the fractions of
// the table give each to the last digit. Flex is half of the list price.
func TestTiersArePublishedPrices(t *testing.T) {
	c := newCatalog(t, Config{})
	for model, want := range map[string][3]string{
		"gpt-5.6-sol": {"8", "0.8", "40"}, "gpt-5.6-terra": {"4", "0.4", "24"}, "gpt-5.6-luna": {"0.4", "0.04", "2.4"}, "gpt-5.5": {"12.5", "1.25", "75"},
		"gpt-5.4-mini": {"1.5", "0.15", "9"}, "gpt-5.4": {"5", "0.5", "30"}, "gpt-5.2": {"3.5", "0.35", "28"}, "gpt-5.1": {"2.5", "0.25", "20"},
		"gpt-5": {"2.5", "0.25", "20"}, "gpt-5-mini": {"0.45", "0.045", "3.6"}, "gpt-5.1-codex": {"2.5", "0.25", "20"}, "gpt-5-codex": {"2.5", "0.25", "20"},
		"gpt-4.1": {"3.5", "0.875", "14"}, "gpt-4.1-mini": {"0.7", "0.175", "2.8"}, "gpt-4.1-nano": {"0.2", "0.05", "0.8"},
		"gpt-4o-2024-11-20": {"4.25", "2.125", "17"}, "gpt-4o-mini": {"0.25", "0.125", "1"}, "gpt-4o-2024-05-13": {"8.75", "8.75", "26.25"},
		"o3": {"3.5", "0.875", "14"}, "o4-mini": {"2", "0.5", "8"},
	} {
		p, ok := c.PriceIn("openai", model, "priority", noon)
		if !ok || !strings.Contains(p.Version, ";priority*") {
			t.Errorf("%s has no priority price: %+v", model, p)
			continue
		}
		for i, tokens := range []*schemas.Tokens{{Input: 1e5}, {CachedInput: 1e5}, {Output: 1e5}} {
			cost, _, err := p.Cost(tokens, nil)
			million, _ := schemas.ParsePico(want[i])
			if err != nil || cost*10 != million {
				t.Errorf("%s, kind %d: a tenth of a million costs %s, %v; want a tenth of %s", model, i, cost, err, want[i])
			}
		}
	}
	flex, _ := c.PriceIn("openai", "o3", "flex", noon)
	cost, saved, err := flex.Cost(&schemas.Tokens{Input: 1000, CachedInput: 1000, Output: 1000}, map[string]int64{"web_searches": 1})
	// (2 + 0.5 + 8) / 2 thousandths, and the search at its whole price.
	if err != nil || cost.String() != "0.01525" || saved.String() != "0.00075" || !strings.HasSuffix(flex.Version, ";flex*1/2") {
		t.Errorf("flex costs %s, saved %s, %v, version %s", cost, saved, err, flex.Version)
	}
	for _, tier := range []string{"", "auto", "default", "standard", "on_demand"} {
		if p, ok := c.PriceIn("openai", "o3", tier, noon); !ok || strings.Contains(p.Version, "*") {
			t.Errorf("tier %q: %+v, %v", tier, p, ok)
		}
	}
	for _, tier := range []string{"ultrafast", "Priority", "batch"} {
		if _, ok := c.PriceIn("openai", "o3", tier, noon); ok {
			t.Errorf("tier %q has a price", tier)
		}
	}
	if _, ok := c.PriceIn("azure", "gpt-5", "priority", noon); ok {
		t.Error("another vendor's tier has OpenAI's price")
	}
}

// No product of the table is too large for a price.
// What changes Claude's prices: 5 dollars of input and 25 of output are the list's.
func TestFastAndInTheUS(t *testing.T) {
	c := newCatalog(t, Config{})
	for tier, want := range map[string]string{"": "0.03", "standard@us": "0.033", "fast": "0.18", "fast@us": "0.198", "priority": "0.03"} {
		p, ok := c.PriceIn("anthropic", "claude-opus-4-6", tier, noon)
		if !ok {
			t.Errorf("%q has no price", tier)
			continue
		}
		if cost, _, err := p.Cost(&schemas.Tokens{Input: 1000, Output: 1000}, nil); err != nil || cost.String() != want {
			t.Errorf("%q costs %s, %v; want %s", tier, cost, err, want)
		}
	}
	if _, ok := c.PriceIn("anthropic", "claude-sonnet-4-5", "fast", noon); ok {
		t.Error("a model without the tier has a price in it")
	}
	// All input written to the cache for an hour, at 10 dollars. A workspace may have the US
	// by default, whatever tier is asked for; fast is nobody's who does not ask for it.
	for tier, want := range map[string]string{"": "0.0385", "default": "0.0385", "priority": "0.0385", "standard@us": "0.0385", "fast": "0.231", "fast@us": "0.231"} {
		d, ok := c.Dearest("anthropic", "claude-opus-4-6", tier, noon)
		cost, err := d.Cost(Use{Input: 1000, Output: 1000})
		if !ok || err != nil || cost.String() != want {
			t.Errorf("%q costs %s at the most, %v; want %s", tier, cost, err, want)
		}
	}
}

func TestEveryTierFits(t *testing.T) {
	c := newCatalog(t, Config{})
	for _, p := range c.providers {
		for _, e := range p.models {
			for _, line := range vendorTerms() {
				for _, tier := range line.tiers {
					if _, ok := tier.of(e.prices); !ok {
						t.Errorf("%s/%s in %s does not fit", p.name, e.source.ID, tier.name)
					}
				}
			}
		}
	}
}

func TestSearches(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{{ID: "mock/finds", InputPrice: "1", OutputPrice: "1", SearchPrice: "7"},
		{ID: "openrouter/openai/gpt-4o:online", InputPrice: "1", OutputPrice: "1"}, {ID: "openai/gpt-4.1", InputPrice: "1", OutputPrice: "1"}, {ID: "openai/gpt-4.1-mini", InputPrice: "1", OutputPrice: "1", SearchPrice: "3"}}})
	for id, want := range map[string]struct {
		unasked int
		unit    string
		cost    string // of one
	}{
		"openai/gpt-4o-search-preview":                 {1, webSearches, "0.025"},
		"openai/gpt-4o-search-preview-2025-03-11":      {1, webSearches, "0.025"},
		"openai/gpt-4o-mini-search-preview-2025-03-11": {1, webSearches, "0.025"},
		"openai/gpt-4o-mini":                           {0, webSearches, "0.01"},
		"openai/gpt-4.1":                               {0, webSearches, "0.01"},
		"openai/gpt-4.1-mini":                          {0, webSearches, "0.003"},
		"mock/finds":                                   {0, webSearches, "0.007"},
		"perplexity/sonar-deep-research":               {AnyNumber, webSearches, "0.005"},
		"openrouter/openai/gpt-4o:online":              {AnyNumber, "", ""},
		"openrouter/perplexity/sonar-pro":              {AnyNumber, "", ""},
		"xai/grok-4.3":                                 {0, searchSources, "0.025"},
		"x-ai/grok-3":                                  {0, searchSources, "0.025"},
	} {
		provider, model, _ := strings.Cut(id, "/")
		if got := c.Searches(provider, model); got != want.unasked {
			t.Errorf("%s searches %d times unasked, want %d", id, got, want.unasked)
		}
		if want.unit == "" {
			continue
		}
		cost, _, err := price(t, c, provider, model, noon).Cost(&schemas.Tokens{}, map[string]int64{want.unit: 1})
		if err != nil || cost.String() != want.cost {
			t.Errorf("%s: one of %s costs %s, %v; want %s", id, want.unit, cost, err, want.cost)
		}
	}
	if v := price(t, c, "xai", "grok-3", noon).Version; !strings.Contains(v, extraTerms+";") {
		t.Errorf("the version %s does not tell of our own prices", v)
	}
	if v := price(t, c, "openai", "gpt-4o", noon).Version; strings.Contains(v, extraTerms) {
		t.Errorf("the version %s tells of our own prices, there is none", v)
	}
}

func TestReasoningApart(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{{ID: "mock/*", InputPrice: "1", OutputPrice: "1", ReasoningApart: true},
		{ID: "qwen/qwen3", InputPrice: "1", OutputPrice: "1"}, {ID: "mine/plain", InputPrice: "1", OutputPrice: "1"}}})
	for id, want := range map[string]bool{"xai/grok-3": true, "openrouter/x-ai/grok-4-fast": true, "openrouter/openai/gpt-4o": false,
		"openai/o3": false, "mock/a": true, "qwen/qwen3": true, "mine/plain": false, "nobody/x": false} {
		provider, model, _ := strings.Cut(id, "/")
		if got := c.ReasoningApart(provider, model); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}
