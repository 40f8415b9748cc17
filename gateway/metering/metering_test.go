package metering

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/chat"
	"weir/internal/catalog"
	"weir/schemas"
)

func TestDisjoint(t *testing.T) {
	for name, c := range map[string]struct {
		in       genai.Usage
		want     *schemas.Tokens
		rejected bool
	}{
		"plain":           {genai.Usage{Prompt: 10, Completion: 5, Total: 15}, &schemas.Tokens{Input: 10, Output: 5}, false},
		"all kinds":       {genai.Usage{Prompt: 100, Cached: 40, Written: 10, Completion: 64, Reasoning: 8, Total: 164}, &schemas.Tokens{Input: 50, CachedInput: 40, CacheWrite: 10, Output: 56, Reasoning: 8}, false},
		"xAI":             {genai.Usage{Prompt: 10, Completion: 5, Reasoning: 20, Total: 35}, &schemas.Tokens{Input: 10, Output: 5, Reasoning: 20}, false},
		"too much cached": {genai.Usage{Prompt: 10, Cached: 20}, &schemas.Tokens{CachedInput: 20}, false},
		"garbage":         {genai.Usage{Prompt: -1, Completion: 1_000_000_001, Cached: 3}, &schemas.Tokens{CachedInput: 3}, true},
		"largest":         {genai.Usage{Prompt: MaxTokens}, &schemas.Tokens{Input: MaxTokens}, false},
	} {
		if got, rejected := Disjoint(c.in); got.String() != c.want.String() || rejected != c.rejected {
			t.Errorf("%s: got %v, %v, want %v, %v", name, got, rejected, c.want, c.rejected)
		}
	}
}

func meter(t testing.TB) *Meter {
	c, err := catalog.New(catalog.Config{Models: []catalog.ModelConfig{{ID: "mock/small", InputPrice: "0.15", CachedPrice: "0.075",
		CachingPrice: "0.1875", OutputPrice: "0.60", ReasoningPrice: "0.90"}}})
	if err != nil {
		t.Fatal(err)
	}
	return New(c, slog.New(slog.DiscardHandler))
}

func TestEachKindAtItsOwnPrice(t *testing.T) {
	l := meter(t).Measure("mock", "mock", "small", "", time.Now(), genai.Usage{Prompt: 100, Cached: 40, Written: 10, Completion: 64, Reasoning: 8})
	// 50 × 0.15 + 40 × 0.075 + 10 × 0.1875 + 56 × 0.60 + 8 × 0.90 = 53.175 dollars per million
	if got, want := l.Cost.String(), "0.000053175"; got != want || l.PriceUnknown || l.PriceVersion == "" {
		t.Errorf("cost %s, want %s; %+v", got, want, l)
	}
	if got, want := l.Saved.String(), "0.000003"; got != want {
		t.Errorf("saved %s, want %s", got, want)
	}
	if l := meter(t).Measure("nobody", "nobody", "x", "", time.Now(), genai.Usage{Prompt: 100}); !l.PriceUnknown || l.Cost != 0 || l.Tokens.Input != 100 {
		t.Errorf("unpriced: %+v", l)
	}
}

func request(t testing.TB, body string) wire.Request {
	r, e := chat.Format{}.ReadRequest([]byte(body))
	if e != nil {
		t.Fatal(e)
	}
	return r
}

func TestEstimate(t *testing.T) {
	e := NewEstimator()
	r := request(t, `{"model":"m","messages":[{"role":"user","content":"hello world"},{"role":"user","content":[{"type":"text","text":"more"},{"type":"image_url","image_url":{"url":"data:`+strings.Repeat("A", 9999)+`"}}]}]}`)
	u := e.Estimate("small", r, &wire.Seen{Text: []byte(`hello\nworld`)})
	// user\n hello world\n | user\n more\n, 3 a message, 3 for the reply
	if u.Prompt < 12 || u.Prompt > 20 || u.Completion != 3 {
		t.Errorf("got %+v", u)
	}
	u = e.Estimate("gpt-4", r, &wire.Seen{Text: []byte(strings.Repeat("a ", 1000)), Unkept: 2000})
	if u.Completion < 1900 || u.Completion > 2100 {
		t.Errorf("what was not kept must count by its bytes: %+v", u)
	}
}

// A text without word breaks must not take quadratic time.
func TestEstimateOfHostileText(t *testing.T) {
	start := time.Now()
	r := request(t, `{"model":"m","messages":[{"content":"`+strings.Repeat("a", 4<<20)+`"}]}`)
	if u := NewEstimator().Estimate("small", r, &wire.Seen{}); u.Prompt == 0 {
		t.Error("counted nothing")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

// What is written to the cache for an hour has a price of its own: 500 × 3 + 300 × 3.75 + 200 × 6.
func TestWritesForAnHour(t *testing.T) {
	c, err := catalog.New(catalog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := New(c, slog.New(slog.DiscardHandler)).Measure("anthropic", "anthropic", "claude-sonnet-4-5-20250929", "standard", time.Now(),
		genai.Usage{Prompt: 1000, Written: 500, WrittenHour: 200})
	if got := l.Cost.String(); got != "0.003825" || l.Units[UnitWrittenHour] != 200 || l.Tokens.CacheWrite != 500 {
		t.Errorf("cost %s; %+v", got, l)
	}
}

func BenchmarkMeasure(b *testing.B) {
	m, at := meter(b), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		m.Measure("mock", "mock", "small", "", at, genai.Usage{Prompt: 100, Cached: 40, Completion: 64})
	}
}
