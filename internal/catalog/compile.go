package catalog

import (
	"fmt"
	"slices"

	"weir/schemas"
)

// compile makes a Pricing of prices as the source has them.
func compile(version string, usd map[string]sourcePrice, units map[string]sourceUnit, minimum map[string]int64) (*Pricing, error) {
	p := &Pricing{Version: version + ";" + schemas.RoundingRule}
	thresholds := []int64{-1}
	for _, price := range usd {
		for _, t := range price.tiers {
			thresholds = append(thresholds, t.above)
		}
	}
	slices.Sort(thresholds)
	for _, above := range slices.Compact(thresholds) {
		rate, err := compileTier(above, usd, units, minimum)
		if err != nil {
			return nil, err
		}
		p.tiers = append(p.tiers, rate)
	}
	return p, nil
}

func compileTier(above int64, usd map[string]sourcePrice, units map[string]sourceUnit, minimum map[string]int64) (tier, error) {
	rate := tier{above: above}
	prices := make(map[string]schemas.Price, len(usd))
	for name, price := range usd {
		unit, ok := units[name]
		if !ok {
			return rate, fmt.Errorf("price of %s: unknown unit", name)
		}
		text := price.base
		for _, t := range price.tiers { // in ascending order
			if above >= t.above {
				text = t.usd
			}
		}
		var err error
		if prices[name], err = schemas.ParsePrice(text, unit.Per); err != nil {
			return rate, fmt.Errorf("price of %s: %w", name, err)
		}
	}
	or := func(name string, fallback schemas.Price) schemas.Price {
		if p, ok := prices[name]; ok {
			return p
		}
		return fallback
	}
	if len(prices) == 0 { // free, which is not the same as unknown
		free := schemas.Price{Pico: 0, Per: 1}
		prices["input_tokens"], prices["output_tokens"] = free, free
	}
	rate.input = prices["input_tokens"]
	rate.cached = or("cache_read_tokens", rate.input)
	rate.write = or("cache_write_tokens", rate.input)
	rate.output = prices["output_tokens"]
	rate.reasoning = or("output_reasoning_tokens", rate.output)
	rate.listCached, rate.listWrite = prices["cache_read_tokens"], prices["cache_write_tokens"]
	rate.request = prices["requests"]
	if !rate.input.IsZero() {
		var err error
		if rate.saved, err = rate.input.Minus(rate.cached); err != nil {
			return rate, fmt.Errorf("savings of cached tokens: %w", err)
		}
	}
	if err := rate.addUnits(prices, units, minimum); err != nil {
		return rate, err
	}
	err := rate.setDearest(units)
	return rate, err
}

// addUnits fills rate.units, unless the model prices nothing but what the fields
// of rate already say.
func (rate *tier) addUnits(prices map[string]schemas.Price, units map[string]sourceUnit, minimum map[string]int64) error {
	more := false
	for name, price := range prices {
		if name == "requests" {
			continue
		}
		more = more || kinds[name] == byUnits
		within := units[name].Within
		u := pricedUnit{name: name, kind: kinds[name], price: price, minimum: minimum[name]}
		u.tokens = countsTokens(name, units)
		if u.kind == cachedKind || slices.Contains(within, "cache_read_tokens") {
			var err error
			if u.saved, err = uncached(within, prices, units).Minus(price); err != nil {
				return fmt.Errorf("savings of %s: %w", name, err)
			}
		}
		rate.units = append(rate.units, u)
	}
	if !more {
		rate.units = nil
		return nil
	}
	if len(rate.units) > maxUnits {
		return fmt.Errorf("%d priced units, at most %d", len(rate.units), maxUnits)
	}
	slices.SortFunc(rate.units, func(a, b pricedUnit) int {
		if by := len(units[b.name].Within) - len(units[a.name].Within); by != 0 {
			return by
		}
		if a.name < b.name {
			return -1
		}
		return 1
	})
	for i := range rate.units {
		for j := range i {
			if slices.Contains(units[rate.units[j].name].Within, rate.units[i].name) {
				rate.units[i].inner = append(rate.units[i].inner, j)
			}
		}
	}
	return nil
}

// uncached finds the price that tokens of a cached unit would have had: of the
// units it lies within, the narrowest priced one that is not itself of the cache.
func uncached(within []string, prices map[string]schemas.Price, units map[string]sourceUnit) schemas.Price {
	best, depth := schemas.Price{}, -1
	for _, outer := range within {
		if outer == "cache_read_tokens" || slices.Contains(units[outer].Within, "cache_read_tokens") {
			continue
		}
		if price, ok := prices[outer]; ok && len(units[outer].Within) > depth {
			best, depth = price, len(units[outer].Within)
		}
	}
	return best
}

// countsTokens reports whether a unit counts tokens, which the kinds hold too.
func countsTokens(name string, units map[string]sourceUnit) bool {
	isKind := func(name string) bool { return kinds[name] != byUnits }
	return isKind(name) || slices.ContainsFunc(units[name].Within, isKind)
}
