package admission

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"weir/gateway/metering"
	"weir/gateway/wire"
	"weir/gateway/wire/chat"
	"weir/internal/catalog"
	"weir/schemas"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func prices(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.New(catalog.Config{Models: []catalog.ModelConfig{
		{ID: "mock/small", InputPrice: "1", CachedPrice: "0.5", CachingPrice: "2", OutputPrice: "10", ReasoningPrice: "20", SearchPrice: "10", ContextWindow: 128_000, MaxOutputTokens: 4096},
		{ID: "mock/finds", InputPrice: "1", OutputPrice: "10", SearchPrice: "10"},
		{ID: "mock/open", InputPrice: "1", OutputPrice: "10"},
		{ID: "mock/window", InputPrice: "1", OutputPrice: "10", ContextWindow: 1000},
		{ID: "mock/tiers", InputPrice: "1", OutputPrice: "10", ServiceTiers: []string{"flex=1/2", "priority=7/4"}},
		{ID: "mock/thinks", InputPrice: "1", OutputPrice: "10", ContextWindow: 2000, ReasoningApart: true},
		{ID: "mock/deep", InputPrice: "1", OutputPrice: "10", ReasoningApart: true},
		{ID: "own/custom", InputPrice: "3", OutputPrice: "4", MaxOutputTokens: 10},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bounds(t testing.TB, body string) wire.Bounds {
	t.Helper()
	r, e := chat.Format{}.ReadRequest([]byte(body))
	if e != nil {
		t.Fatalf("%s: %v", body, e)
	}
	b, e := r.Bounds()
	if e != nil {
		t.Fatalf("%s: %v", body, e)
	}
	return b
}

// Every figure here was worked out by hand: 1000 tokens of text at the dearest
// input price, 2, and output at the dearest, 20, per million.
func TestBound(t *testing.T) {
	c := prices(t)
	tiers, thinks := Model{"mock", "mock", "tiers"}, Model{"mock", "mock", "thinks"}
	preview := Model{"openai", "openai", "gpt-4o-search-preview"}
	small, open := Model{"mock", "mock", "small"}, Model{"mock", "mock", "open"}
	for name, f := range map[string]struct {
		model  Model
		in     wire.Bounds
		limit  int64
		input  int64
		output int64
		want   string
	}{
		"limited":                {small, wire.Bounds{Text: 1000, Choices: 1, Limit: 100}, 100, 1000, 100, "0.004"},
		"three choices":          {small, wire.Bounds{Text: 1000, Choices: 3, Limit: 100}, 100, 1000, 300, "0.008"},
		"the model's maximum":    {small, wire.Bounds{Text: 1000, Choices: 1}, 4096, 1000, 4096, "0.08392"},
		"predicted text":         {small, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Predicted: 50}, 100, 1000, 150, "0.005"},
		"a picture":              {small, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Images: 1}, 100, 51_000, 100, "0.104"},
		"no prompt is larger":    {small, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Images: 9}, 100, 128_000, 100, "0.258"},
		"by reference":           {small, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Whole: "x"}, 100, 128_000, 100, "0.258"},
		"two searches":           {small, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Uses: 2}, 100, 384_000, 100, "0.79"},
		"the list price alone":   {tiers, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Tier: "default"}, 100, 1000, 100, "0.002"},
		"a dearer tier":          {tiers, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Tier: "priority"}, 100, 1000, 100, "0.0035"},
		"a cheaper tier":         {tiers, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Tier: "flex"}, 100, 1000, 100, "0.002"},
		"whichever tier":         {tiers, wire.Bounds{Text: 1000, Choices: 1, Limit: 100}, 100, 1000, 100, "0.0035"},
		"the account's tier":     {tiers, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Tier: "auto"}, 100, 1000, 100, "0.0035"},
		"reasoning apart":        {thinks, wire.Bounds{Text: 1000, Choices: 2, Limit: 100, MaxTokens: true}, 100, 1000, 4200, "0.043"},
		"reasoning in the limit": {thinks, wire.Bounds{Text: 1000, Choices: 2, Limit: 100}, 100, 1000, 200, "0.003"},
		// 128,000 at 2.5 and 100 at 10 per million, a search at 25 per thousand.
		"a search of its own":     {preview, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Tier: "default"}, 100, 128_000, 100, "0.346"},
		"its search, asked for":   {preview, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Unlimited: ownSearch}, 100, 128_000, 100, "0.346"},
		"pictures without window": {open, wire.Bounds{Text: 1000, Choices: 1, Limit: 100, Images: 9}, 100, 451_000, 100, "0.452"},
		"window alone":            {Model{"mock", "mock", "window"}, wire.Bounds{Text: 10, Choices: 1}, 1000, 10, 1000, "0.01001"},
		"the provider's own name": {Model{"mock", "own", "custom"}, wire.Bounds{Text: 10, Choices: 1}, 10, 10, 10, "0.00007"},
	} {
		b, e := BoundOf(c, f.model, noon, f.in)
		if e != nil {
			t.Errorf("%s: %v", name, e)
			continue
		}
		cost, ok := b.Cost(b.Limit)
		if b.Limit != f.limit || b.Input() != f.input || b.Output(b.Limit) != f.output || !ok || cost.String() != f.want {
			t.Errorf("%s: limit %d, %d in, %d out, %s; want %+v", name, b.Limit, b.Input(), b.Output(b.Limit), cost, f)
		}
	}
	for name, f := range map[string]struct {
		model Model
		in    wire.Bounds
		param string
	}{
		"unpriced":             {Model{"mock", "mock", "huge"}, wire.Bounds{Choices: 1, Limit: 1}, "model"},
		"no limit":             {open, wire.Bounds{Choices: 1}, "max_completion_tokens"},
		"window not known":     {open, wire.Bounds{Choices: 1, Limit: 1, Whole: "messages[0].content[0]"}, "messages[0].content[0]"},
		"searches, no price":   {open, wire.Bounds{Choices: 1, Limit: 1, Uses: 1}, "tools"},
		"searches, no window":  {Model{"mock", "mock", "finds"}, wire.Bounds{Choices: 1, Limit: 1, Uses: 1}, "tools"},
		"searches as it likes": {Model{"perplexity", "perplexity", "sonar-deep-research"}, wire.Bounds{Choices: 1, Limit: 1}, "model"},
		"a tier, no price":     {small, wire.Bounds{Choices: 1, Limit: 1, Tier: "priority"}, "service_tier"},
		"reasoning, no end":    {Model{"mock", "mock", "deep"}, wire.Bounds{Choices: 1, Limit: 1, MaxTokens: true}, "max_tokens"},
		"searches without end": {small, wire.Bounds{Choices: 1, Limit: 1, Unlimited: "tools[0].max_uses"}, "tools[0].max_uses"},
	} {
		if _, e := BoundOf(c, f.model, noon, f.in); e == nil || e.Status != 400 || e.Param != f.param {
			t.Errorf("%s: %+v, want a 400 with param %s", name, e, f.param)
		}
	}
}

func TestFit(t *testing.T) {
	b, e := BoundOf(prices(t), Model{"mock", "mock", "small"}, noon, wire.Bounds{Text: 1000, Choices: 2, Limit: 1000})
	if e != nil {
		t.Fatal(e)
	}
	for amount, want := range map[schemas.Pico]int64{
		1e12: 1000, 42e9: 1000, 42e9 - 1: 999, 2e9 + 16*40e6: 16, 2e9 + 16*40e6 - 1: 0, 2e9 + 17*40e6 + 1: 17, 0: 0, -1: 0, math.MaxInt64: 1000,
	} {
		if got := b.Fit(amount); got != want {
			t.Errorf("%s fits %d tokens, want %d", amount, got, want)
		}
	}
	b.Limit = 7
	if got := b.Fit(2e9 + 7*40e6); got != 7 {
		t.Errorf("a limit below the least one is lowered to %d", got)
	}
}

// request makes up a request and returns it with the most that it allows to be
// used, as a provider would count: text by the tokenizer, at most the limit out.
func request(rnd *rand.Rand) string {
	words := []string{"lorem", "ipsum ", "\\u00e9\\ud83d\\ude00", "\U0001f600", "日本語", "\\n\\n", "{}[]", "a b c d e f", "<|im_start|>", "0123456789", ""}
	text := func() string {
		var b strings.Builder
		for range rnd.IntN(40) {
			b.WriteString(words[rnd.IntN(len(words))])
		}
		return b.String()
	}
	var b strings.Builder
	b.WriteString(`{"model":"mock/small","messages":[`)
	for i := range 1 + rnd.IntN(5) {
		if i > 0 {
			b.WriteByte(',')
		}
		switch rnd.IntN(3) {
		case 0:
			fmt.Fprintf(&b, `{"role":"user","content":"%s"}`, text())
		case 1:
			fmt.Fprintf(&b, `{"role":"user","content":[{"type":"text","text":"%s"},{"type":"text","text":"%s"}]}`, text(), text())
		default:
			fmt.Fprintf(&b, `{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"%s"}}]}`, text())
		}
	}
	b.WriteString(`]`)
	if rnd.IntN(2) == 0 {
		fmt.Fprintf(&b, `,"tools":[{"type":"function","function":{"name":"f","description":"%s","parameters":{}}}]`, text())
	}
	if rnd.IntN(2) == 0 {
		fmt.Fprintf(&b, `,"n":%d`, 1+rnd.IntN(4))
	}
	if rnd.IntN(2) == 0 {
		fmt.Fprintf(&b, `,"max_tokens":%d`, 1+rnd.IntN(8000))
	}
	b.WriteString(`}`)
	return b.String()
}

// Whatever is used within a request's limits, at whatever prices of the catalog,
// costs no more than its bound: counted by a tokenizer on the way in, split in any
// way among the kinds, and up to the limit of each choice on the way out.
func TestTrueCostNeverPassesTheBound(t *testing.T) {
	c := prices(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	models := []Model{{"mock", "mock", "small"}}
	for _, vendor := range []string{"openai", "anthropic", "google", "xai", "deepseek"} {
		for _, m := range c.Models(vendor) {
			if m.MaxOutputTokens > 0 && m.API == "chat" {
				models = append(models, Model{vendor, vendor, strings.TrimPrefix(m.ID, vendor+"/")})
			}
		}
	}
	models = append(models, Model{"mock", "mock", "tiers"}, Model{"openai", "openai", "gpt-4o-search-preview"}, Model{"openai", "openai", "gpt-4o-mini-search-preview"})
	estimator, meter := metering.NewEstimator(), metering.New(c, nil)
	for range 1000 {
		body := request(rnd)
		if !json.Valid([]byte(body)) {
			t.Fatalf("not JSON: %s", body)
		}
		m := models[rnd.IntN(len(models))]
		in := bounds(t, body)
		if m.Name == "tiers" && in.Limit == 0 {
			continue // has no maximum
		}
		in.Tier = []string{"", "auto", "default", "flex", "priority"}[rnd.IntN(5)]
		if rnd.IntN(4) == 0 {
			in.Uses = 1 + rnd.Int64N(3)
		}
		b, e := BoundOf(c, m, noon, in)
		if e != nil && (e.Param == "service_tier" || e.Param == "tools") {
			continue // refused: no price of it is known
		}
		if e != nil {
			t.Fatalf("%+v: %v", m, e)
		}
		tier := in.Tier // as the provider chose
		if tier == "" || tier == "auto" || rnd.IntN(4) == 0 {
			tier = []string{"", "default", "priority", "flex", "scale"}[rnd.IntN(5)]
			if _, ok := c.Dearest(m.Vendor, m.Name, tier, noon); !ok || in.Tier != "" && in.Tier != "auto" {
				tier = "default"
			}
		}
		limit := b.Limit
		amount, _ := b.Cost(limit)
		if rnd.IntN(2) == 0 {
			amount = schemas.Pico(rnd.Int64N(int64(amount)))
			if limit = b.Fit(amount); limit == 0 {
				continue
			}
		}
		r, e := chat.Format{}.ReadRequest([]byte(body))
		if e != nil {
			t.Fatal(e)
		}
		u := estimator.Estimate(m.Name, r, &wire.Seen{})
		if u.Prompt > b.Input() {
			t.Fatalf("%s has %d tokens, its bound is %d", body, u.Prompt, b.Input())
		}
		u.Prompt += rnd.Int64N(b.Input() - u.Prompt + 1)
		u.Completion = b.Output(limit) - rnd.Int64N(b.Output(limit)+1)*rnd.Int64N(2)
		u.Cached = rnd.Int64N(u.Prompt + 1)
		u.Written = rnd.Int64N(u.Prompt - u.Cached + 1)
		u.Reasoning = rnd.Int64N(u.Completion + 1)
		u.Searches = rnd.Int64N(in.Uses + 1)
		u.OutputAudio = rnd.Int64N(u.Completion + 1)
		u.Total = u.Prompt + u.Completion
		line := meter.Measure(m.Vendor, m.Provider, m.Name, tier, noon.Add(time.Duration(rnd.Int64N(int64(time.Hour)))), u)
		if line.Cost > amount || line.PriceUnknown {
			t.Fatalf("%+v: %+v costs %s, reserved were %s with %d tokens a choice", m, u, line.Cost, amount, limit)
		}
	}
}
