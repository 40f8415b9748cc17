package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/schemas"
)

// Config is the section "catalog" of weir.yaml. Empty means the compiled-in
// catalog as it is.
type Config struct {
	// Models add to the compiled-in catalog or replace entries of it.
	Models []ModelConfig `koanf:"models"`
}

// ModelConfig adds a model or overrides one. Prices are USD per million tokens
// in decimal text ("0.15"). An entry either sets no price and keeps the
// compiled-in ones, or sets at least input_price and output_price and replaces
// all prices of tokens, tiers and dates included. What it leaves out of the rest
// stays as compiled in.
type ModelConfig struct {
	// ID is provider/model. The model part may end in "*" and is then a prefix:
	// "mock/*" is every model of provider mock. An exact id goes before a
	// prefix, a longer prefix before a shorter one, both before the compiled-in
	// catalog. An exact id that is the catalog's own also covers the other names
	// that the catalog has for that model, such as dated ones.
	ID string `koanf:"id"`

	InputPrice     string `koanf:"input_price"`
	OutputPrice    string `koanf:"output_price"`
	CachedPrice    string `koanf:"cached_price"`    // cache read; default input_price
	CachingPrice   string `koanf:"caching_price"`   // cache write; default input_price
	ReasoningPrice string `koanf:"reasoning_price"` // default output_price

	// SearchPrice is that of a thousand searches which the provider runs. Default:
	// as compiled in.
	SearchPrice string `koanf:"search_price"`
	// ServiceTiers are tiers that the provider sells beside its list prices, each
	// with the fraction that the prices of tokens are multiplied by: "priority=7/4".
	// When set, what it leaves out has no known price.
	ServiceTiers []string `koanf:"service_tiers"`
	// ReasoningApart says that max_tokens does not bound the model's reasoning, so
	// that a budget must have room for as much as the model can give.
	ReasoningApart bool `koanf:"reasoning_apart"`

	ContextWindow   int64 `koanf:"context_window"`    // tokens; 0 is not set
	MaxOutputTokens int64 `koanf:"max_output_tokens"` // tokens; 0 is not set

	// Supports names what the model can do, of: vision, tool_calling, reasoning,
	// caching, computer_use, web_search, image_generation, output_json_object,
	// output_json_schema, role_developer. When set, what it leaves out is not
	// supported.
	Supports []string `koanf:"supports"`

	API               string `koanf:"api"` // default "chat"
	Description       string `koanf:"description"`
	Geolocation       string `koanf:"geolocation"`
	PrivacyComments   string `koanf:"privacy_comments"`
	DataRetention     string `koanf:"data_retention"` // "yes" or "no"; "" is not known
	DataRetentionDays int    `koanf:"data_retention_days"`
}

// override is a validated ModelConfig.
type override struct {
	ModelConfig
	provider string
	model    string // lower case; without the star
	prefix   bool
	usd      map[string]sourcePrice // nil when it sets no price
	tiers    []serviceTier          // nil when it sets none
	// prices by the compiled-in model that a name stands for, since those of what
	// is not a token stay as they are there; nil is for a name it does not know.
	prices map[*entry][]dated
}

// parse validates the entry on its own; errors name the field.
func (m ModelConfig) parse() (*override, error) {
	provider, model, ok := strings.Cut(m.ID, "/")
	if !ok || provider == "" || model == "" {
		return nil, fmt.Errorf("id: %q is not of the form provider/model", m.ID)
	}
	name, prefix := strings.CutSuffix(model, "*")
	if strings.Contains(name, "*") {
		return nil, fmt.Errorf("id: %q has a * before its end", m.ID)
	}
	o := &override{ModelConfig: m, provider: provider, model: strings.ToLower(name), prefix: prefix}
	var err error
	if o.tiers, err = parseTiers(m.ServiceTiers); err != nil {
		return nil, fmt.Errorf("service_tiers: %w", err)
	}

	for _, f := range []struct{ field, unit, text string }{
		{"input_price", "input_tokens", m.InputPrice},
		{"cached_price", "cache_read_tokens", m.CachedPrice},
		{"caching_price", "cache_write_tokens", m.CachingPrice},
		{"output_price", "output_tokens", m.OutputPrice},
		{"reasoning_price", "output_reasoning_tokens", m.ReasoningPrice},
	} {
		if f.text == "" {
			continue
		}
		if _, err := schemas.ParsePrice(f.text, 1e6); err != nil {
			return nil, fmt.Errorf("%s: %w (want USD per million tokens, like \"0.15\")", f.field, err)
		}
		if o.usd == nil {
			o.usd = make(map[string]sourcePrice)
		}
		o.usd[f.unit] = sourcePrice{base: f.text}
	}
	if m.SearchPrice != "" {
		if _, err := schemas.ParsePrice(m.SearchPrice, 1000); err != nil {
			return nil, fmt.Errorf("search_price: %w (want USD per thousand searches, like \"10\")", err)
		}
		if o.usd == nil {
			o.usd = make(map[string]sourcePrice)
		}
		o.usd[webSearches] = sourcePrice{base: m.SearchPrice}
	}
	if o.usd != nil && m.InputPrice == "" {
		return nil, errors.New("input_price: required when another price is set")
	}
	if o.usd != nil && m.OutputPrice == "" {
		return nil, errors.New("output_price: required when another price is set (\"0\" for a model without output)")
	}
	if o.usd == nil && prefix {
		return nil, errors.New("input_price: required for an id that ends in *")
	}

	if m.ContextWindow < 0 {
		return nil, errors.New("context_window: is negative")
	}
	if m.MaxOutputTokens < 0 {
		return nil, errors.New("max_output_tokens: is negative")
	}
	if m.DataRetentionDays < 0 {
		return nil, errors.New("data_retention_days: is negative")
	}
	if !slices.Contains([]string{"", "yes", "no"}, m.DataRetention) {
		return nil, fmt.Errorf("data_retention: %q is not yes or no", m.DataRetention)
	}
	for _, name := range m.Supports {
		if (&Model{}).ability(name) == nil {
			return nil, fmt.Errorf("supports: %q is not one of %s", name, strings.Join(abilities, ", "))
		}
	}
	return o, nil
}

// bases returns the compiled-in models that names under the override may stand
// for, nil among them.
func (o *override) bases(p *provider) []*entry {
	list := []*entry{nil}
	if p == nil {
		return list
	}
	if found := p.find(o.model); found != nil && !o.prefix {
		list = append(list, found)
	}
	for _, from := range append([]*provider{p}, p.fallback...) {
		for _, e := range from.models {
			if o.prefix || strings.ToLower(e.source.ID) == o.model {
				list = append(list, e)
			}
		}
	}
	return list
}

// priceAs returns the override's prices where base is compiled in: all prices of
// tokens are the override's, all others base's.
func (o *override) priceAs(base *entry, units map[string]sourceUnit) ([]dated, error) {
	periods := []sourcePrices{{}}
	var minimum map[string]int64
	if base != nil {
		periods, minimum = base.source.Prices, base.source.Minimum
	}
	list := make([]dated, 0, len(periods))
	for _, period := range periods {
		usd := maps.Clone(o.usd)
		for name, price := range period.USD {
			if _, set := o.usd[name]; !set && !countsTokens(name, units) {
				usd[name] = price
			}
		}
		period.USD = usd
		d, err := compileDated(fingerprint(usd), period, units, minimum)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// fingerprint names prices by a hash of them.
func fingerprint(usd map[string]sourcePrice) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(usd)) {
		fmt.Fprintf(h, "%s %s", name, usd[name].base)
		for _, t := range usd[name].tiers {
			fmt.Fprintf(h, " >%d %s", t.above, t.usd)
		}
		fmt.Fprintln(h)
	}
	return "config:" + hex.EncodeToString(h.Sum(nil)[:4])
}
