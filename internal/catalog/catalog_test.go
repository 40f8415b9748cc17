package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/schemas"
)

func TestMatching(t *testing.T) {
	c := newCatalog(t, Config{})
	f := func(provider, model, want string) {
		t.Helper()
		got := ""
		if r := c.resolve(provider, model); r != nil {
			got = r.entry.source.ID
		}
		if got != want {
			t.Errorf("%s/%s is %q, want %q", provider, model, got, want)
		}
	}
	f("openai", "gpt-4o", "gpt-4o")
	f("openai", " GPT-4o\n", "gpt-4o")
	f("openai", "gpt-4o-20240806", "gpt-4o") // the date spelled as the rules know it
	f("google", "gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite")
	f("google", "gemini-2.5-flash-lite-preview-tts", "gemini-2.5-flash-lite-preview-tts")
	f("google", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5") // Anthropic's, sold by Google
	f("azure", "o3-mini", "o3-mini")
	f("xai", "grok-4.5-20260514", "grok-4.5")
	f("x-ai", "grok-4.5", "grok-4.5")
	f("openai", "gpt-nonsense", "")
	f("nobody", "gpt-4o", "")
	f("openai", "gpt-4o"+strings.Repeat(" ", maxNameLen), "")
}

func TestOverrides(t *testing.T) {
	c := newCatalog(t, Config{Models: []ModelConfig{
		{ID: "openai/gpt-4o", InputPrice: "1", OutputPrice: "2", Description: "by contract"},
		{ID: "openai/gpt-4.1", MaxOutputTokens: 99},
		{ID: "openai/gpt-5*", InputPrice: "3", OutputPrice: "4"},
		{ID: "openai/gpt-5-mini*", InputPrice: "5", OutputPrice: "6"},
		{ID: "openai/gpt-5-mini", InputPrice: "7", OutputPrice: "8"},
		{ID: "xai/grok-4.5", InputPrice: "9", OutputPrice: "9"},
		{ID: "Mine/Org/Llama-3*", InputPrice: "10", OutputPrice: "10"},
	}})
	million := &schemas.Tokens{Input: 1e6}
	f := func(provider, model, want string) {
		t.Helper()
		got, _, err := price(t, c, provider, model, noon).Cost(million, nil)
		if err != nil || got.String() != want {
			t.Errorf("%s/%s costs %s, %v; want %s", provider, model, got, err, want)
		}
	}
	f("openai", "gpt-4o", "1")
	f("openai", "gpt-4o-2024-08-06", "1") // another name of the same model
	f("openai", "gpt-4.1", "2")           // its own price, with other metadata
	f("openai", "gpt-5", "3")
	f("openai", "gpt-5-unheard-of", "3")
	f("openai", "gpt-5-mini-x", "5")
	f("openai", "gpt-5-mini", "7")
	f("xai", "grok-4.5", "9")
	f("x-ai", "grok-4.5", "9")
	f("Mine", "org/llama-3:70b", "10")

	// An override is of tokens; what else the model prices stays.
	cost, _, err := price(t, c, "openai", "gpt-4o", noon).Cost(million, map[string]int64{"web_searches": 100})
	if err != nil || cost.String() != "2" {
		t.Errorf("an overridden model's searches: %s, %v; want 2", cost, err)
	}
	m, _ := c.Model("openai", "gpt-4.1")
	if m.MaxOutputTokens != 99 || m.ContextWindow != 1_047_576 {
		t.Errorf("metadata of an override: %+v", m)
	}
	if m, _ := c.Model("openai", "gpt-4o"); m.Description != "by contract" || m.ContextWindow != 128_000 {
		t.Errorf("metadata of an override with prices: %+v", m)
	}
}

func TestConfigErrors(t *testing.T) {
	priced := func(m ModelConfig) ModelConfig {
		m.InputPrice, m.OutputPrice = "1", "1"
		return m
	}
	f := func(want string, models ...ModelConfig) {
		t.Helper()
		if _, err := New(Config{Models: models}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(`catalog.models[0] (small): id: "small" is not`, priced(ModelConfig{ID: "small"}))
	f(`id: "/x" is not`, priced(ModelConfig{ID: "/x"}))
	f(`has a * before`, priced(ModelConfig{ID: "a/b*c"}))
	f(`catalog.models[1] (a/B): id: is configured twice`, priced(ModelConfig{ID: "a/b"}), priced(ModelConfig{ID: "a/B"}))
	f(`id: is configured twice`, priced(ModelConfig{ID: "a/b*"}), priced(ModelConfig{ID: "a/b*"}))
	f(`output_price: parse price "1e-3"`, ModelConfig{ID: "a/b", InputPrice: "1", OutputPrice: "1e-3"})
	f(`cached_price: parse price "-1"`, ModelConfig{ID: "a/b", InputPrice: "1", OutputPrice: "1", CachedPrice: "-1"})
	f(`input_price: required when another`, ModelConfig{ID: "a/b", OutputPrice: "1"})
	f(`output_price: required`, ModelConfig{ID: "a/b", InputPrice: "1"})
	f(`input_price: required for a model that`, ModelConfig{ID: "openai/gpt-nonsense", ContextWindow: 1})
	f(`input_price: required for an id that ends`, ModelConfig{ID: "openai/*"})
	f(`search_price: parse price "free"`, priced(ModelConfig{ID: "a/b", SearchPrice: "free"}))
	f(`input_price: required when another`, ModelConfig{ID: "openai/gpt-4o", SearchPrice: "1"})
	for _, tier := range []string{"priority", "=2", "priority=", "priority=x", "priority=1.5", "priority=-1", "priority=1/0", "priority=1001", "a=1/1001", "default=2"} {
		f(`service_tiers: "`+tier+`"`, priced(ModelConfig{ID: "a/b", ServiceTiers: []string{tier}}))
	}
	f(`stands there twice`, priced(ModelConfig{ID: "a/b", ServiceTiers: []string{"a=1", "a=2"}}))
	f(`context_window: is negative`, priced(ModelConfig{ID: "a/b", ContextWindow: -1}))
	f(`data_retention: "maybe" is not yes or no`, priced(ModelConfig{ID: "a/b", DataRetention: "maybe"}))
	f(`supports: "flying" is not one of vision, `, priced(ModelConfig{ID: "a/b", Supports: []string{"flying"}}))
}

func TestModelObject(t *testing.T) {
	yes := true
	c := newCatalog(t, Config{Models: []ModelConfig{
		mock,
		{
			ID: "mock/big", InputPrice: "0.15", OutputPrice: "0.60", CachedPrice: "0.0000001",
			ContextWindow: 1000, MaxOutputTokens: 10, Supports: []string{"vision", "tool_calling"},
			Geolocation: "eu", DataRetention: "no", API: "chat",
		},
	}})
	list := c.Models("mock")
	if len(list) != 1 {
		t.Fatalf("a prefix is not a model: %d models listed, want 1", len(list))
	}
	got, err := json.Marshal(list[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"mock/big","object":"model","created":0,"owned_by":"mock","api":"chat",` +
		`"context_window":1000,"max_output_tokens":10,` +
		`"input_price":0.00000015,"output_price":0.0000006,"cached_price":0.0000000000001,` +
		`"supports_vision":true,"supports_tool_calling":true,"supports_reasoning":false,"supports_caching":false,` +
		`"supports_computer_use":false,"supports_web_search":false,"supports_image_generation":false,` +
		`"supports_output_json_object":false,"supports_output_json_schema":false,"supports_role_developer":false,` +
		`"geolocation":"eu","data_retention":false}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("model object (-want +got):\n%s", diff)
	}

	m, ok := c.Model("anthropic", "claude-sonnet-4-5")
	if !ok || m.ContextWindow != 200_000 || m.MaxOutputTokens != 64_000 || m.API != "chat" {
		t.Errorf("claude-sonnet-4-5: %+v", m)
	}
	if diff := cmp.Diff([]*bool{&yes, &yes, nil}, []*bool{m.SupportsVision, m.SupportsCaching, m.SupportsToolCalling}); diff != "" {
		t.Errorf("abilities (-want +got):\n%s", diff)
	}
	if _, ok := c.Model("mock", "nonsense"); ok {
		t.Error("an unknown model was described")
	}
}

// Every listed model can be called, priced and written exactly.
func TestLists(t *testing.T) {
	c := newCatalog(t, Config{})
	for name := range c.providers {
		list := c.Models(name)
		if len(list) == 0 {
			t.Errorf("provider %s lists nothing", name)
		}
		for i, m := range list {
			if i > 0 && list[i-1].ID >= m.ID {
				t.Errorf("%s stands after %s", m.ID, list[i-1].ID)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Errorf("%s: %v", m.ID, err)
			}
			provider, model, _ := strings.Cut(m.ID, "/")
			if _, ok := c.Price(provider, model, noon); !ok {
				t.Errorf("%s is listed and has no price", m.ID)
			}
		}
	}
	if list := c.Models("nobody"); len(list) != 0 {
		t.Errorf("an unknown provider lists %d models", len(list))
	}
}

// Clients choose the names that are remembered.
func TestMemoryIsBounded(t *testing.T) {
	c := newCatalog(t, Config{})
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for i := range maxResolved {
				c.Price("deepseek", fmt.Sprintf("deepseek-chat-%d-%d", caller, i), noon)
				c.Price(fmt.Sprintf("nobody-%d", i), "x", noon)
			}
		})
	}
	callers.Wait()
	if n := len(c.resolved); n > maxResolved {
		t.Errorf("%d names are remembered, at most %d", n, maxResolved)
	}
	if _, ok := c.Price("deepseek", "deepseek-chat", noon); !ok {
		t.Error("a known model is no longer known")
	}
}

func TestPriceAndCostDoNotAllocate(t *testing.T) {
	c := newCatalog(t, Config{})
	tokens := &schemas.Tokens{Input: 1234, CachedInput: 567, Output: 321}
	units := map[string]int64{"web_searches": 1}
	c.Price("anthropic", "claude-sonnet-4-5", noon)
	if n := testing.AllocsPerRun(100, func() {
		p, _ := c.Price("anthropic", "claude-sonnet-4-5", noon)
		if _, _, err := p.Cost(tokens, units); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
