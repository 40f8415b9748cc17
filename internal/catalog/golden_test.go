package catalog

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"weir/schemas"
)

// golden is testdata/golden.json: what genai-prices' own calcPrice says, as
// tools/catalog/golden.mjs writes it.
type golden struct {
	At     time.Time
	Usages []map[string]int64
	Cases  map[string][]goldenCase // by genai-prices' provider id
}

type goldenCase struct {
	name  string
	usage int
	model *string // the id it matched, nil for none
	usd   *string
	at    time.Time
}

func (c *goldenCase) UnmarshalJSON(b []byte) error {
	row := []any{&c.name, &c.usage, &c.model, &c.usd, &c.at}
	return json.Unmarshal(b, &row)
}

// disjoint turns the package's usage, where input includes what went through a
// cache and output the reasoning, into Weir's kinds and units.
func disjoint(usage map[string]int64) (*schemas.Tokens, map[string]int64) {
	t := &schemas.Tokens{
		Input:       usage["input_tokens"] - usage["cache_read_tokens"] - usage["cache_write_tokens"],
		CachedInput: usage["cache_read_tokens"],
		CacheWrite:  usage["cache_write_tokens"],
		Output:      usage["output_tokens"] - usage["output_reasoning_tokens"],
		Reasoning:   usage["output_reasoning_tokens"],
	}
	var units map[string]int64
	for name, n := range usage {
		if kinds[name] == byUnits {
			if units == nil {
				units = make(map[string]int64)
			}
			units[name] = n
		}
	}
	return t, units
}

// TestGolden holds the evaluator to the package that its data come from, name by
// name and price by price.
//
// The package adds up floats. Each of its operations is off by at most 2^-53 of
// its result, and it makes no more than a few dozen per call, so its sum lies
// within 2^-47 of the exact one, relatively; our own half pico-dollar of
// rounding comes on top. Nothing wider is accepted.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	src := readSource(t)
	byID := make(map[string]string, len(src.Providers))
	for _, p := range src.Providers {
		id := p.Source
		if id == "" {
			id = p.Name
		}
		byID[id] = p.Name
	}
	c := newCatalog(t, Config{})

	checked := 0
	for id, cases := range g.Cases {
		provider, ok := byID[id]
		if !ok {
			t.Fatalf("golden provider %s is not in the catalog", id)
		}
		for _, tc := range cases {
			if tc.at.IsZero() {
				tc.at = g.At
			}
			checkGolden(t, c, provider, tc, g.Usages[tc.usage])
			checked++
		}
	}
	if checked < 3000 {
		t.Errorf("only %d golden cases", checked)
	}
}

func checkGolden(t *testing.T, c *Catalog, provider string, tc goldenCase, usage map[string]int64) {
	t.Helper()
	pricing, ok := c.Price(provider, tc.name, tc.at)
	if !ok || tc.model == nil {
		if ok != (tc.model != nil) {
			t.Errorf("%s/%s: known %v, want %v", provider, tc.name, ok, tc.model != nil)
		}
		return
	}
	if got := c.resolve(provider, tc.name).entry.source.ID; got != *tc.model && !strings.HasPrefix(tc.name, "gpt-4o-mini-search-preview") { // an entry of our own, for its price of a search
		t.Errorf("%s/%s: matched %s, want %s", provider, tc.name, got, *tc.model)
	}
	tokens, units := disjoint(usage)
	got, _, err := pricing.Cost(tokens, units)
	if err != nil {
		t.Errorf("%s/%s %v: %v", provider, tc.name, usage, err)
		return
	}
	usd, ok := new(big.Rat).SetString(*tc.usd)
	if !ok {
		t.Fatalf("golden price %q", *tc.usd)
	}
	want := usd.Mul(usd, big.NewRat(1e12, 1))
	tolerance := new(big.Rat).Mul(want, big.NewRat(1, 1<<47))
	tolerance.Add(tolerance, big.NewRat(1, 2))
	diff := new(big.Rat).Sub(want, new(big.Rat).SetInt64(int64(got)))
	if diff.Abs(diff).Cmp(tolerance) > 0 {
		t.Errorf("%s/%s %v at %v: %s, want %s", provider, tc.name, usage, tc.at, got, *tc.usd)
	}
}

func newCatalog(t testing.TB, cfg Config) *Catalog {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readSource(t testing.TB) *source {
	t.Helper()
	src := new(source)
	if err := json.Unmarshal(compiledIn, src); err != nil {
		t.Fatal(err)
	}
	return src
}
