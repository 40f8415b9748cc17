package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/schemas"
)

// AnyNumber stands for searches that a model makes unasked, as many as it likes.
const AnyNumber = -1

// terms are what a vendor bills, or does not bound, beyond its list of prices. The
// pinned source of prices has none of it, so terms_table.go has it, each line with the
// public page that says so.
type terms struct {
	provider string
	models   []string      // names, or a prefix with "*" at its end
	tiers    []serviceTier // by the id of the catalog's entry
	asked    []serviceTier // likewise, and given to nobody who does not ask for them
	searches int           // that every call makes unasked, by the name called; AnyNumber for no bound
	// apart says that max_tokens does not bound the reasoning.
	apart bool
}

// serviceTier multiplies the prices of tokens.
type serviceTier struct {
	name     string
	num, den int64
}

// matches tells that a lower-case name is one of the terms' models.
func (t *terms) matches(model string) bool {
	return slices.ContainsFunc(t.models, func(m string) bool {
		if prefix, ok := strings.CutSuffix(m, "*"); ok {
			return strings.HasPrefix(model, prefix)
		}
		if suffix, ok := strings.CutPrefix(m, "*"); ok {
			return strings.HasSuffix(model, suffix)
		}
		return model == m
	})
}

// extend puts extras into the source before it is compiled.
func (src *source) extend() error {
	src.Units[searchSources] = sourceUnit{Per: 1000}
	for _, x := range extras() {
		at := slices.IndexFunc(src.Providers, func(p sourceProvider) bool { return p.Name == x.provider })
		if at < 0 {
			return fmt.Errorf("price of %s: no provider %s", x.unit, x.provider)
		}
		p := &src.Providers[at]
		if x.prefix == "" {
			for i := range p.Models {
				p.Models[i].charge(x)
			}
			continue
		}
		from := slices.IndexFunc(p.Models, func(m sourceModel) bool { return m.Match.matches(x.prefix) })
		if from < 0 {
			return fmt.Errorf("price of %s: no model %s", x.unit, x.prefix)
		}
		m := p.Models[from] // goes first, so that its rule takes the names from the other
		m.Unlisted = m.Unlisted || m.ID != x.prefix
		m.ID, m.Match = x.prefix, rule{StartsWith: x.prefix}
		m.charge(x)
		p.Models = slices.Insert(p.Models, 0, m)
		p.Models = slices.DeleteFunc(p.Models, func(o sourceModel) bool { return o.ID == m.ID && o.Match.StartsWith == "" })
	}
	return nil
}

// charge gives the model prices of its own with the extra one among them.
func (m *sourceModel) charge(x extra) {
	m.extended = true
	m.Prices = slices.Clone(m.Prices)
	for i := range m.Prices {
		usd := map[string]sourcePrice{x.unit: {base: x.usd}}
		for name, price := range m.Prices[i].USD {
			if name != x.unit {
				usd[name] = price
			}
		}
		m.Prices[i].USD = usd
	}
}

// tierPrices are a model's prices in one service tier.
type tierPrices struct {
	name   string
	prices []dated
	asked  bool
}

// standard tells that a tier's name means the list price, or nothing.
func standard(tier string) bool {
	switch tier {
	case "", "auto", "default", "standard", "standard_only", "on_demand":
		return true
	}
	return false
}

// agree fills what the terms say of a resolved name.
func (r *resolution) agree(provider, model string) {
	id := model
	if r.entry != nil {
		id = strings.ToLower(r.entry.source.ID)
	}
	var tiers, asked []serviceTier
	for _, t := range vendorTerms() {
		if t.provider != provider {
			continue
		}
		if len(t.tiers) > 0 && t.matches(id) {
			tiers = append(tiers, t.tiers...)
		}
		if len(t.asked) > 0 && t.matches(id) {
			asked = append(asked, t.asked...)
		}
		if t.searches != 0 && t.matches(model) {
			r.searches = t.searches
		}
		r.apart = r.apart || t.apart && t.matches(model)
	}
	if o := r.override; o != nil {
		r.apart = r.apart || o.ReasoningApart
		if o.tiers != nil {
			tiers, asked = o.tiers, nil
		}
	}
	for _, tier := range tiers {
		if prices, ok := tier.of(r.prices); ok {
			r.tiers = append(r.tiers, tierPrices{tier.name, prices, false})
		}
	}
	for _, tier := range asked {
		if prices, ok := tier.of(r.prices); ok {
			r.tiers = append(r.tiers, tierPrices{tier.name, prices, true})
		}
	}
}

// of multiplies prices; false when one does not fit.
func (s serviceTier) of(prices []dated) ([]dated, bool) {
	list := slices.Clone(prices)
	for i := range list {
		p, err := list[i].pricing.times(s)
		if err != nil {
			return nil, false
		}
		list[i].pricing = p
	}
	return list, true
}

// times multiplies all prices of tokens; what is no token costs the same in every
// tier. The version names the tier and the fraction.
func (p *Pricing) times(s serviceTier) (*Pricing, error) {
	q := &Pricing{Version: fmt.Sprintf("%s;%s*%d/%d", p.Version, s.name, s.num, s.den), tiers: slices.Clone(p.tiers)}
	var failed error
	multiply := func(price *schemas.Price) {
		if price.IsZero() {
			return
		}
		product, err := price.Times(s.num, s.den)
		if err != nil {
			failed = err
		}
		*price = product
	}
	for i := range q.tiers {
		rate := &q.tiers[i]
		rate.units = slices.Clone(rate.units)
		for _, price := range [...]*schemas.Price{&rate.input, &rate.cached, &rate.write, &rate.output, &rate.reasoning, &rate.listCached, &rate.listWrite,
			&rate.saved, &rate.dearestInput, &rate.dearestText, &rate.dearestOutput} {
			multiply(price)
		}
		for j := range rate.units {
			if rate.units[j].tokens {
				multiply(&rate.units[j].price)
				multiply(&rate.units[j].saved)
			}
		}
	}
	return q, failed
}

// in returns the prices in a tier; false when there are none.
func (r *resolution) in(tier string) ([]dated, bool) {
	if standard(tier) {
		return r.prices, true
	}
	for i := range r.tiers {
		if r.tiers[i].name == tier {
			return r.tiers[i].prices, true
		}
	}
	return nil, false
}

// PriceIn is Price in the service tier that the provider's answer named; false also
// when that tier has no known price.
func (c *Catalog) PriceIn(provider, model, tier string, at time.Time) (*Pricing, bool) {
	r := c.resolve(provider, model)
	if r == nil || len(r.prices) == 0 {
		return nil, false
	}
	prices, ok := r.in(tier)
	if !ok {
		return nil, false
	}
	return current(prices, at), true
}

// Searches is how many searches of the provider's own every call of a model makes
// unasked; AnyNumber when that is not bounded.
func (c *Catalog) Searches(provider, model string) int {
	if r := c.resolve(provider, model); r != nil {
		return r.searches
	}
	return 0
}

// ReasoningApart tells that a model may reason beyond max_tokens.
func (c *Catalog) ReasoningApart(provider, model string) bool {
	r := c.resolve(provider, model)
	return r != nil && r.apart && (r.metadata == nil || r.metadata.Reasoning == nil || *r.metadata.Reasoning)
}

// parseTiers reads tiers as the configuration has them: "priority=7/4", "flex=0".
func parseTiers(list []string) ([]serviceTier, error) {
	var tiers []serviceTier
	for _, text := range list {
		name, fraction, ok := strings.Cut(text, "=")
		numerator, denominator, quotient := strings.Cut(fraction, "/")
		s := serviceTier{name: name, den: 1}
		var err, err2 error
		s.num, err = strconv.ParseInt(numerator, 10, 64)
		if quotient {
			s.den, err2 = strconv.ParseInt(denominator, 10, 64)
		}
		if !ok || name == "" || errors.Join(err, err2) != nil || s.num < 0 || s.den < 1 || s.num > 1000 || s.den > 1000 {
			return nil, fmt.Errorf("%q is not a tier and what it multiplies the prices by, like \"priority=7/4\"", text)
		}
		if standard(name) || slices.ContainsFunc(tiers, func(o serviceTier) bool { return o.name == name }) {
			return nil, fmt.Errorf("%q: the tier %s has the list price, or stands there twice", text, name)
		}
		tiers = append(tiers, s)
	}
	return tiers, nil
}
