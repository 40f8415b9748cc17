package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// addSource compiles what prices.json holds.
func (c *Catalog) addSource(src *source) error {
	for i := range src.Providers {
		if err := c.addProvider(&src.Providers[i], src); err != nil {
			return fmt.Errorf("provider %s: %w", src.Providers[i].Name, err)
		}
	}
	for _, from := range src.Providers {
		for _, fallback := range from.Fallback {
			other := c.providers[fallback]
			if other == nil {
				return fmt.Errorf("provider %s: unknown fallback %s", from.Name, fallback)
			}
			c.providers[from.Name].fallback = append(c.providers[from.Name].fallback, other)
		}
	}
	return nil
}

func (c *Catalog) addProvider(from *sourceProvider, src *source) error {
	p := &provider{name: from.Name, also: make(map[string]*sourceModel, len(from.Also))}
	for i := range from.Models {
		m := &from.Models[i]
		if err := m.Match.compile(); err != nil {
			return fmt.Errorf("model %s: %w", m.ID, err)
		}
		e := &entry{source: m}
		for _, prices := range m.Prices {
			version := src.Prices
			if m.extended {
				version += extraTerms
			}
			d, err := compileDated(version, prices, src.Units, m.Minimum)
			if err != nil {
				return fmt.Errorf("model %s: %w", m.ID, err)
			}
			e.prices = append(e.prices, d)
		}
		p.models = append(p.models, e)
		if !m.Unlisted {
			p.listed = append(p.listed, m.ID)
		}
	}
	for i := range from.Also {
		m := &from.Also[i]
		p.also[strings.ToLower(m.ID)] = m
		p.listed = append(p.listed, m.ID)
	}
	for _, name := range append([]string{from.Name}, from.Aliases...) {
		if c.providers[name] != nil {
			return fmt.Errorf("the name %s is taken", name)
		}
		c.providers[name] = p
	}
	return nil
}

func (c *Catalog) addOverride(m ModelConfig, units map[string]sourceUnit) error {
	o, err := m.parse()
	if err != nil {
		return err
	}
	bases := o.bases(c.providers[o.provider])
	if o.usd == nil && len(bases) == 1 {
		return errors.New("input_price: required for a model that is not compiled in")
	}
	if o.usd != nil {
		o.prices = make(map[*entry][]dated, len(bases))
		for _, base := range bases {
			if o.prices[base], err = o.priceAs(base, units); err != nil {
				return err
			}
		}
	}
	of := c.overrides[o.provider]
	if of == nil {
		of = &overrides{exact: make(map[string]*override)}
		c.overrides[o.provider] = of
	}
	if !of.add(o) {
		return errors.New("id: is configured twice")
	}
	return nil
}

// add reports false when the id is there already.
func (of *overrides) add(o *override) bool {
	if o.prefix {
		if slices.ContainsFunc(of.prefixes, func(p *override) bool { return p.model == o.model }) {
			return false
		}
		of.prefixes = append(of.prefixes, o)
		slices.SortFunc(of.prefixes, func(a, b *override) int { return cmp.Compare(len(b.model), len(a.model)) })
		return true
	}
	if of.exact[o.model] != nil {
		return false
	}
	of.exact[o.model] = o
	_, model, _ := strings.Cut(o.ID, "/")
	of.listed = append(of.listed, model)
	return true
}

// dated is a Pricing and when it holds.
type dated struct {
	from       int64 // seconds since the Unix epoch; 0 for always
	daily      bool  // only between two seconds of the UTC day
	start, end int64
	pricing    *Pricing
}

func compileDated(version string, prices sourcePrices, units map[string]sourceUnit, minimum map[string]int64) (dated, error) {
	var d dated
	if prices.From != "" {
		day, err := time.Parse(time.DateOnly, prices.From)
		if err != nil {
			return d, fmt.Errorf("read date of prices: %w", err)
		}
		d.from = day.Unix()
	}
	if len(prices.Daily) != 0 {
		if len(prices.Daily) != 2 {
			return d, errors.New("daily prices want a start and an end")
		}
		d.daily, d.start, d.end = true, prices.Daily[0], prices.Daily[1]
	}
	var err error
	d.pricing, err = compile(version, prices.USD, units, minimum)
	return d, err
}

func (d *dated) holds(at time.Time) bool {
	second := at.Unix()
	if d.daily {
		second = ((second % 86400) + 86400) % 86400
		if d.end < d.start {
			return second >= d.start || second < d.end
		}
		return second >= d.start && second < d.end
	}
	return d.from == 0 || second >= d.from
}

// current returns the prices of the moment: the last that hold, else the first.
func current(prices []dated, at time.Time) *Pricing {
	for i := len(prices) - 1; i > 0; i-- {
		if prices[i].holds(at) {
			return prices[i].pricing
		}
	}
	return prices[0].pricing
}
