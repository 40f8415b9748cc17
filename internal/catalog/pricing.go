package catalog

import (
	"fmt"

	"weir/schemas"
)

// Pricing is what a model costs at one moment. It does not change and may be
// used from any goroutine.
type Pricing struct {
	// Version names the prices and the rounding rule, for the ledger:
	// "genai-prices/0.1.8;half-even/1", or "config:1f2e3d4c;half-even/1" with a
	// hash of the prices that the configuration set. "+weir/1" behind the former tells
	// of prices from terms_table.go, ";priority*7/4" at the end of a service tier.
	Version string

	tiers []tier // by threshold; the first holds for any request
}

// tier holds the prices of a request with more than above input tokens.
type tier struct {
	above int64

	// Prices of the token kinds, with what stands in for a missing one.
	input, cached, write, output, reasoning schemas.Price
	// listCached and listWrite are set only where the model has such a price.
	listCached, listWrite schemas.Price
	// saved is what one cached token costs less than an input token.
	saved schemas.Price
	// request is charged once for a call that used anything.
	request schemas.Price
	// dearestInput and dearestOutput are the most that one token may cost,
	// dearestText that of one that is text.
	dearestInput, dearestText, dearestOutput schemas.Price

	// units are all priced units, each before those that it lies within.
	units []pricedUnit
}

type pricedUnit struct {
	name    string
	kind    kind
	tokens  bool // counts tokens that the kinds hold too
	price   schemas.Price
	saved   schemas.Price // against the same unit uncached; zero for what is not cached
	minimum int64
	inner   []int // those of tier.units that lie within this one
}

// kind says where the count of a unit comes from.
type kind uint8

const (
	byUnits kind = iota // the units map
	inputKind
	cachedKind
	writeKind
	outputKind
	reasoningKind
)

// kinds are genai-prices' names of what schemas.Tokens counts. Its input
// includes cached and written tokens and its output the reasoning.
var kinds = map[string]kind{
	"input_tokens":            inputKind,
	"cache_read_tokens":       cachedKind,
	"cache_write_tokens":      writeKind,
	"output_tokens":           outputKind,
	"output_reasoning_tokens": reasoningKind,
}

// UnitsError says that a count of units contradicts the token kinds: more audio
// tokens than tokens, for example. The cost that comes with it is good: tokens
// are priced by their kinds alone.
type UnitsError struct {
	Unit  string // the unit that holds less than lies within it
	Count int64
	Inner int64
}

func (e *UnitsError) Error() string {
	return fmt.Sprintf("%s counts %d, units within it %d", e.Unit, e.Count, e.Inner)
}

// Cost returns what a call that used t and units costs, and what reads from the
// provider's prompt cache saved against the input price, both rounded half-even
// once. No usage costs nothing; any usage costs the price of a request too,
// where the model has one. Units that the model has no price for cost nothing
// beyond their tokens' kinds.
//
// A *UnitsError comes with a valid cost; any other error (a negative count, an
// amount beyond 64 bits) with none.
func (p *Pricing) Cost(t *schemas.Tokens, units map[string]int64) (cost, saved schemas.Pico, err error) {
	in, cached, write := t.GetInput(), t.GetCachedInput(), t.GetCacheWrite()
	rate := p.rate(in + cached + write)
	if len(units) > 0 && len(rate.units) > 0 {
		return rate.unitCost(t, units)
	}
	var line schemas.Line
	rate.addKinds(&line, t)
	if anyUse(t, units) {
		line.Add(1, rate.request)
	}
	if cost, err = line.Total(); err != nil {
		return 0, 0, fmt.Errorf("sum cost: %w", err)
	}
	if cached != 0 {
		var less schemas.Line
		less.Add(cached, rate.saved)
		if saved, err = less.Total(); err != nil {
			return 0, 0, fmt.Errorf("sum savings: %w", err)
		}
	}
	return cost, saved, nil
}

// rate returns the tier for a request of so many input tokens in all.
func (p *Pricing) rate(input int64) *tier {
	rate := &p.tiers[0]
	for i := 1; i < len(p.tiers) && input > p.tiers[i].above; i++ {
		rate = &p.tiers[i]
	}
	return rate
}

func (rate *tier) addKinds(line *schemas.Line, t *schemas.Tokens) {
	line.Add(t.GetInput(), rate.input)
	line.Add(t.GetCachedInput(), rate.cached)
	line.Add(t.GetCacheWrite(), rate.write)
	line.Add(t.GetOutput(), rate.output)
	line.Add(t.GetReasoning(), rate.reasoning)
}

func anyUse(t *schemas.Tokens, units map[string]int64) bool {
	if t.GetInput()|t.GetCachedInput()|t.GetCacheWrite()|t.GetOutput()|t.GetReasoning() != 0 {
		return true
	}
	for _, n := range units {
		if n != 0 {
			return true
		}
	}
	return false
}

// maxUnits bounds the units that one model prices; compile checks it.
const maxUnits = 24

// unitCost is Cost for a model that prices more than the token kinds: each
// unit's count less what more specific units hold is billed at its price.
func (rate *tier) unitCost(t *schemas.Tokens, units map[string]int64) (cost, saved schemas.Pico, err error) {
	var (
		own           [maxUnits]int64
		contradiction error
	)
	for i := range rate.units {
		u := &rate.units[i]
		count, given := u.count(t, units)
		if count < 0 {
			return 0, 0, fmt.Errorf("count %s: %w", u.name, schemas.ErrNegativeCount)
		}
		if count > 0 {
			count = max(count, u.minimum)
		}
		var inner int64
		for _, j := range u.inner {
			inner += own[j]
		}
		if count < inner {
			// A broader unit that was not given is at least what lies within it.
			if given {
				contradiction = &UnitsError{Unit: u.name, Count: count, Inner: inner}
			}
			count = inner
		}
		own[i] = count - inner
	}
	var line, less schemas.Line
	if anyUse(t, units) {
		line.Add(1, rate.request)
	}
	if contradiction != nil {
		rate.addKinds(&line, t)
		less.Add(t.GetCachedInput(), rate.saved)
	}
	for i := range rate.units {
		u := &rate.units[i]
		if contradiction != nil && u.tokens {
			continue
		}
		line.Add(own[i], u.price)
		less.Add(own[i], u.saved)
	}
	if cost, err = line.Total(); err != nil {
		return 0, 0, fmt.Errorf("sum cost: %w", err)
	}
	if saved, err = less.Total(); err != nil {
		return 0, 0, fmt.Errorf("sum savings: %w", err)
	}
	return cost, saved, contradiction
}

// count returns how many of the unit were used, and whether that was reported.
func (u *pricedUnit) count(t *schemas.Tokens, units map[string]int64) (int64, bool) {
	switch u.kind {
	case inputKind:
		return t.GetInput() + t.GetCachedInput() + t.GetCacheWrite(), true
	case cachedKind:
		return t.GetCachedInput(), true
	case writeKind:
		return t.GetCacheWrite(), true
	case outputKind:
		return t.GetOutput() + t.GetReasoning(), true
	case reasoningKind:
		return t.GetReasoning(), true
	}
	n, given := units[u.name]
	return n, given
}
