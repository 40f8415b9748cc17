package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Catalog answers what a model costs and what it can do.
type Catalog struct {
	providers map[string]*provider // by Weir's name and by every alias
	overrides map[string]*overrides
	now       func() time.Time // for lists, which show the prices of the moment

	// resolved remembers which model a name is, since rules are slow. Names come
	// from clients, so it is emptied when it is full; nil values remember names
	// that no rule matches.
	mu       sync.RWMutex
	resolved map[name]*resolution
}

type name struct{ provider, model string }

const (
	maxResolved = 8192
	maxNameLen  = 512 // bytes; a longer model name is unknown
)

// provider is what prices.json has on one provider.
type provider struct {
	name     string
	models   []*entry
	fallback []*provider
	also     map[string]*sourceModel
	listed   []string // names for lists, in the source's order
}

// entry is one model of prices.json.
type entry struct {
	source *sourceModel
	prices []dated
}

// overrides are those of one provider, as the configuration spells it.
type overrides struct {
	exact    map[string]*override
	prefixes []*override // longest first
	listed   []string
}

// resolution is what a model name stands for.
type resolution struct {
	prices   []dated
	entry    *entry       // nil when only the configuration knows the model
	metadata *sourceModel // nil likewise
	override *override    // nil when the configuration says nothing

	tiers    []tierPrices // beside the list prices
	searches int          // of every call; AnyNumber
	apart    bool         // max_tokens does not bound the reasoning
}

// New reads the compiled-in catalog and lays cfg over it. An error names the
// entry and the field of cfg that is wrong.
func New(cfg Config) (*Catalog, error) {
	var src source
	if err := json.Unmarshal(compiledIn, &src); err != nil {
		return nil, fmt.Errorf("read compiled-in prices: %w", err)
	}
	c := &Catalog{
		providers: make(map[string]*provider),
		overrides: make(map[string]*overrides),
		now:       time.Now,
		resolved:  make(map[name]*resolution),
	}
	if err := src.extend(); err != nil {
		return nil, fmt.Errorf("extend compiled-in prices: %w", err)
	}
	if err := c.addSource(&src); err != nil {
		return nil, fmt.Errorf("read compiled-in prices: %w", err)
	}
	for i, m := range cfg.Models {
		if err := c.addOverride(m, src.Units); err != nil {
			return nil, fmt.Errorf("catalog.models[%d] (%s): %w", i, m.ID, err)
		}
	}
	return c, nil
}

// Price returns what model of provider costs at the given moment, which is the
// occurred_at of the call, at the list price; false when it has none. provider is
// Weir's name of it, model the name without the provider, dated or not.
func (c *Catalog) Price(provider, model string, at time.Time) (*Pricing, bool) {
	return c.PriceIn(provider, model, "", at)
}

// Priced reports whether a model has a price.
func (c *Catalog) Priced(provider, model string) bool {
	r := c.resolve(provider, model)
	return r != nil && len(r.prices) > 0
}

// Window returns how many tokens a model takes in all and how many it gives at
// the most; 0 is not known.
func (c *Catalog) Window(provider, model string) (context, output int64) {
	r := c.resolve(provider, model)
	if r == nil {
		return 0, 0
	}
	if r.metadata != nil {
		context, output = r.metadata.Window, r.metadata.MaxOutput
	}
	if o := r.override; o != nil {
		context, output = cmp.Or(o.ContextWindow, context), cmp.Or(o.MaxOutputTokens, output)
	}
	return context, output
}

// resolve returns what the name stands for, or nil.
func (c *Catalog) resolve(provider, model string) *resolution {
	key := name{provider, model}
	c.mu.RLock()
	r, ok := c.resolved[key]
	c.mu.RUnlock()
	if ok {
		return r
	}
	if len(model) > maxNameLen || (c.providers[provider] == nil && c.overrides[provider] == nil) {
		return nil
	}
	r = c.search(provider, strings.ToLower(strings.TrimSpace(model)))
	// The caller's strings may be part of a large body.
	key = name{strings.Clone(provider), strings.Clone(model)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.resolved) >= maxResolved {
		clear(c.resolved)
	}
	c.resolved[key] = r
	return r
}

// search looks a lower-case name up without the memory.
func (c *Catalog) search(providerName, model string) *resolution {
	known, spellings := c.providers[providerName], []string{providerName}
	if known != nil && known.name != providerName {
		spellings = append(spellings, known.name)
	}
	var found *entry
	if known != nil {
		found = known.find(model)
	}
	r := &resolution{entry: found}
	if found != nil {
		r.prices, r.metadata = found.prices, found.source
		if also := known.also[model]; also != nil {
			r.metadata = also
		}
	}
	for _, spelling := range spellings {
		if r.override = c.overrides[spelling].find(model, found); r.override != nil {
			break
		}
	}
	switch {
	case r.override != nil && r.override.usd != nil:
		r.prices = r.override.prices[found]
	case found == nil:
		return nil
	}
	r.agree(spellings[len(spellings)-1], model)
	return r
}

// find returns the entry that holds for a lower-case name, or nil.
func (p *provider) find(model string) *entry {
	if e := p.match(model); e != nil {
		return e
	}
	if spelled := spellDates(model); spelled != model {
		return p.match(spelled)
	}
	return nil
}

func (p *provider) match(model string) *entry {
	for _, e := range p.models {
		if e.source.Match.matches(model) {
			return e
		}
	}
	for _, other := range p.fallback {
		for _, e := range other.models {
			if e.source.Match.matches(model) {
				return e
			}
		}
	}
	return nil
}

// find returns the override for a name that the catalog knows as found.
func (of *overrides) find(model string, found *entry) *override {
	if of == nil {
		return nil
	}
	if exact := of.exact[model]; exact != nil {
		return exact
	}
	for _, p := range of.prefixes {
		if strings.HasPrefix(model, p.model) {
			return p
		}
	}
	if found != nil {
		return of.exact[strings.ToLower(found.source.ID)]
	}
	return nil
}
