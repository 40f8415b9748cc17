package catalog

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"weir/schemas"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// The mock model of the one-machine stack, in USD per million tokens.
var mock = ModelConfig{
	ID: "mock/small:*", InputPrice: "0.15", CachedPrice: "0.075", CachingPrice: "0.1875",
	OutputPrice: "0.60", ReasoningPrice: "0.90", ContextWindow: 128_000,
}

func price(t testing.TB, c *Catalog, provider, model string, at time.Time) *Pricing {
	t.Helper()
	p, ok := c.Price(provider, model, at)
	if !ok {
		t.Fatalf("%s/%s has no price", provider, model)
	}
	return p
}

// Every figure here was worked out by hand.
func TestCost(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{
		mock, // with the options of its name
		{ID: "mock/small", InputPrice: "0.15", CachedPrice: "0.075", CachingPrice: "0.1875", OutputPrice: "0.60", ReasoningPrice: "0.90"},
		{ID: "mock/plain", InputPrice: "2", OutputPrice: "8"},
		{ID: "mock/fine", InputPrice: "0.0000005", OutputPrice: "0"},
		{ID: "mock/dear", InputPrice: "1", CachedPrice: "3", OutputPrice: "1"},
	}})
	f := func(name, provider, model string, tokens *schemas.Tokens, units map[string]int64, wantCost, wantSaved string) {
		t.Helper()
		cost, saved, err := price(t, c, provider, model, noon).Cost(tokens, units)
		if err != nil || cost.String() != wantCost || saved.String() != wantSaved {
			t.Errorf("%s: got %s, saved %s, %v; want %s, saved %s", name, cost, saved, err, wantCost, wantSaved)
		}
	}
	kinds := &schemas.Tokens{Input: 50, CachedInput: 40, CacheWrite: 10, Output: 56, Reasoning: 8}
	// 50×0.15 + 40×0.075 + 10×0.1875 + 56×0.60 + 8×0.90 = 53.175 per million
	f("every kind at its own price", "mock", "small", kinds, nil, "0.000053175", "0.000003")
	f("a name under a prefix", "mock", "small:in=100,out=64", kinds, nil, "0.000053175", "0.000003")
	// (50+40+10)×2 + (56+8)×8 = 712 per million
	f("missing prices are the kind's own", "mock", "plain", kinds, nil, "0.000712", "0")
	f("no usage", "mock", "small", &schemas.Tokens{}, nil, "0", "0")
	f("no tokens at all", "mock", "small", nil, nil, "0", "0")
	f("half a pico goes to even, down", "mock", "fine", &schemas.Tokens{Input: 1}, nil, "0", "0")
	f("half a pico goes to even, up", "mock", "fine", &schemas.Tokens{Input: 3}, nil, "0.000000000002", "0")
	f("a dear cache saves nothing", "mock", "dear", &schemas.Tokens{CachedInput: 10}, nil, "0.00003", "0")

	// claude-sonnet-4-5: 3, write 3.75 (an hour: 6), read 0.3, out 15, twice the
	// input and half as much more of the output above 200,000 tokens; a search 0.01.
	f("one-hour cache writes", "anthropic", "claude-sonnet-4-5-20250929",
		&schemas.Tokens{Input: 1000, CacheWrite: 500, Output: 100},
		map[string]int64{"cache_write_1h_tokens": 200, "web_searches": 2},
		"0.026825", "0") // 1000×3 + 300×3.75 + 200×6 + 100×15 = 6,825 per million, 2 searches 0.02
	f("at the threshold", "anthropic", "claude-sonnet-4-5", &schemas.Tokens{Input: 150_000, CachedInput: 50_000}, nil,
		"0.465", "0.135")
	f("one token above it re-prices all", "anthropic", "claude-sonnet-4-5", &schemas.Tokens{Input: 150_001, CachedInput: 50_000}, nil,
		"0.930006", "0.27")
	// sonar: 1 and 1 per million, 12 per thousand requests
	f("a price per request", "perplexity", "sonar", &schemas.Tokens{Input: 1000, Output: 500}, nil, "0.0135", "0")
	f("a request that used nothing", "perplexity", "sonar", &schemas.Tokens{}, map[string]int64{"web_searches": 0}, "0", "0")
	// Groq bills ten seconds at least: 0.111 per hour.
	f("a minimum", "groq", "whisper-large-v3", nil, map[string]int64{"audio_seconds": 7}, "0.000308333333", "0")
	f("a free model", "google", "gemma-4-31b-it", kinds, nil, "0", "0")
	// gemini-2.5-flash-lite: 0.1, read 0.01, audio 0.3, audio read 0.03
	f("cached audio saves against audio", "google", "gemini-2.5-flash-lite", &schemas.Tokens{Input: 600, CachedInput: 400},
		map[string]int64{"input_audio_tokens": 500, "cache_audio_read_tokens": 100},
		"0.000146", "0.000054") // 200×.1 + 400×.3 + 300×.01 + 100×.03 = 146; 300×.09 + 100×.27 = 54
	f("units without a price leave the kinds alone", "openai", "gpt-4o", &schemas.Tokens{Input: 1000},
		map[string]int64{"input_audio_tokens": 500, "unheard_of": 9}, "0.0025", "0")
}

func TestCostErrors(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{{ID: "mock/gold", InputPrice: "9000000", OutputPrice: "1"}}})
	p := price(t, c, "anthropic", "claude-sonnet-4-5", noon)

	if _, _, err := p.Cost(&schemas.Tokens{Output: -1}, nil); !errors.Is(err, schemas.ErrNegativeCount) {
		t.Errorf("a negative kind: %v", err)
	}
	if _, _, err := p.Cost(nil, map[string]int64{"web_searches": -1}); !errors.Is(err, schemas.ErrNegativeCount) {
		t.Errorf("a negative unit: %v", err)
	}
	gold := price(t, c, "mock", "gold", noon)
	if _, _, err := gold.Cost(&schemas.Tokens{Input: 2e6}, nil); !errors.Is(err, schemas.ErrMoneyOverflow) {
		t.Errorf("18 million dollars: %v", err)
	}

	// More one-hour writes than writes: tokens by their kinds, searches as given.
	cost, _, err := p.Cost(&schemas.Tokens{Input: 1000, CacheWrite: 100}, map[string]int64{"cache_write_1h_tokens": 101, "web_searches": 1})
	var contradiction *UnitsError
	if !errors.As(err, &contradiction) || contradiction.Unit != "cache_write_tokens" || cost.String() != "0.013375" {
		t.Errorf("contradicting units: %s, %v", cost, err)
	}
}

// Naming a unit that says nothing takes the long way to the same cost.
func TestBothWaysAgree(t *testing.T) {
	c := newCatalog(t, Config{})
	r := rand.New(rand.NewPCG(3, 4))
	count := func() int64 { return r.Int64N(1 << (1 + r.IntN(20))) }
	nothing := map[string]int64{"unheard_of": 1}
	for name, p := range c.providers {
		for _, e := range p.models {
			tokens := &schemas.Tokens{Input: 1 + count(), CachedInput: count(), CacheWrite: count(), Output: count(), Reasoning: count()}
			pricing := current(e.prices, noon)
			cost, saved, err := pricing.Cost(tokens, nil)
			cost2, saved2, err2 := pricing.Cost(tokens, nothing)
			if err != nil || err2 != nil || cost != cost2 || saved != saved2 {
				t.Errorf("%s/%s %v: %s, %s, %v and %s, %s, %v", name, e.source.ID, tokens, cost, saved, err, cost2, saved2, err2)
			}
		}
	}
}

func TestPriceVersionAndDates(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{mock}})
	compiled := readSource(t).Prices + ";half-even/1"
	if got := price(t, c, "openai", "gpt-4o", noon).Version; got != compiled || !strings.HasPrefix(got, "genai-prices/") {
		t.Errorf("version of a compiled-in price: %s", got)
	}
	version := price(t, c, "mock", "small:x", noon).Version
	dearer := mock
	dearer.OutputPrice = "0.61"
	other := price(t, newCatalog(t, Config{Models: []ModelConfig{dearer}}), "mock", "small:x", noon).Version
	if len(version) != len("config:ab12cd34;half-even/1") || version == other {
		t.Errorf("versions of configured prices: %s, of others %s", version, other)
	}

	million := &schemas.Tokens{Input: 1e6}
	f := func(at string, want string) {
		t.Helper()
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		cost, _, err := price(t, c, "deepseek", "deepseek-v4-pro", moment).Cost(million, nil)
		if err != nil || cost.String() != want {
			t.Errorf("at %s: %s, %v; want %s", at, cost, err, want)
		}
	}
	f("2026-08-16T23:59:59.999999Z", "0.435")
	f("2026-08-17T00:00:00Z", "0.66")
	f("2026-08-17T00:59:59.999999Z", "0.66")
	f("2026-08-17T01:00:00Z", "1.32")
	f("2026-08-17T03:59:59.999999+00:00", "1.32")
	f("2026-08-17T06:00:00+02:00", "0.66") // 04:00 UTC
}

func BenchmarkPriceAndCost(b *testing.B) {
	c := newCatalog(b, Config{})
	tokens := &schemas.Tokens{Input: 1234, CachedInput: 567, CacheWrite: 89, Output: 321, Reasoning: 45}
	bench := func(provider, model string, units map[string]int64) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, _ := c.Price(provider, model, noon)
				if _, _, err := p.Cost(tokens, units); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("tokens", bench("openai", "gpt-4o-2024-08-06", nil))
	b.Run("tiers", bench("anthropic", "claude-sonnet-4-5-20250929", nil))
	b.Run("units", bench("anthropic", "claude-sonnet-4-5", map[string]int64{"web_searches": 2}))
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newCatalog(b, Config{})
	}
}

func BenchmarkUnknownName(b *testing.B) {
	c := newCatalog(b, Config{})
	for b.Loop() {
		c.search("openrouter", "no-such-model-anywhere")
	}
}
