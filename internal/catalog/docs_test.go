package catalog

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"weir/schemas"
)

// The figures of docs/pricing.md are those that the catalog computes.
func TestWorkedExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/pricing.md")
	if err != nil {
		t.Fatal(err)
	}
	p := price(t, newCatalog(t, Config{}), "anthropic", "claude-sonnet-4-5-20250929", noon)
	cost := func(tokens *schemas.Tokens, units map[string]int64) (schemas.Pico, schemas.Pico) {
		cost, saved, err := p.Cost(tokens, units)
		if err != nil {
			t.Fatal(err)
		}
		return cost, saved
	}
	rate := &p.tiers[0]
	usd := func(p schemas.Price) string { return schemas.Pico(p.Pico).String() }
	unit := func(name string) string {
		for _, u := range rate.units {
			if u.name == name {
				return usd(u.price)
			}
		}
		t.Fatalf("no price of %s", name)
		return ""
	}
	var want strings.Builder
	line := func(what string, count int64, price string, tokens *schemas.Tokens, units map[string]int64) {
		amount, _ := cost(tokens, units)
		fmt.Fprintf(&want, "%-32s %5d × %-4s = %s\n", what, count, price, amount)
	}
	line("input", 1_200, usd(rate.input), &schemas.Tokens{Input: 1_200}, nil)
	line("cached_input", 8_000, usd(rate.cached), &schemas.Tokens{CachedInput: 8_000}, nil)
	line("cache_write, five minutes", 300, usd(rate.write), &schemas.Tokens{CacheWrite: 300}, nil)
	line("cache_write, of them one hour", 200, unit("cache_write_1h_tokens"),
		&schemas.Tokens{CacheWrite: 200}, map[string]int64{"cache_write_1h_tokens": 200})
	line("output", 350, usd(rate.output), &schemas.Tokens{Output: 350}, nil)
	line("reasoning", 150, usd(rate.reasoning), &schemas.Tokens{Reasoning: 150}, nil)
	line("web_searches", 2, unit("web_searches"), nil, map[string]int64{"web_searches": 2})
	sum, saved := cost(
		&schemas.Tokens{Input: 1_200, CachedInput: 8_000, CacheWrite: 500, Output: 350, Reasoning: 150},
		map[string]int64{"cache_write_1h_tokens": 200, "web_searches": 2})
	fmt.Fprintf(&want, "%-45s = %s\n%-45s = %s\n", "cost_usd", sum, "saved_usd", saved)
	if !strings.Contains(string(page), "```text\n"+want.String()+"```") {
		t.Errorf("docs/pricing.md lacks this example:\n%s", want.String())
	}
	if version, _, _ := strings.Cut(p.Version, ";"); !strings.Contains(string(page), "`"+version+";"+schemas.RoundingRule+"`") {
		t.Errorf("docs/pricing.md does not name %s", p.Version)
	}
}

// prices.json was made from the versions that tools/catalog pins.
func TestDataMatchPins(t *testing.T) {
	src := readSource(t)
	raw, err := os.ReadFile("../../tools/catalog/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var npm struct{ Dependencies map[string]string }
	if err := json.Unmarshal(raw, &npm); err != nil {
		t.Fatal(err)
	}
	if want := "genai-prices/" + npm.Dependencies["@pydantic/genai-prices"]; src.Prices != want {
		t.Errorf("prices.json holds %s, pinned is %s: run make generate", src.Prices, want)
	}
	mod, err := os.ReadFile("../../tools/catalog/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if pin := strings.Replace(src.Metadata, "catwalk/", "charm.land/catwalk v", 1); !strings.Contains(string(mod), pin) {
		t.Errorf("prices.json holds %s, which go.mod does not pin: run make generate", src.Metadata)
	}
}
