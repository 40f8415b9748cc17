package catalog

import (
	"fmt"
	"strings"
	"time"

	"weir/schemas"
)

// Use is the most that a call may use. Tokens are those of every kind together:
// Input holds what is read from and written to a cache, Output the reasoning.
// What counts no tokens is in Units; a unit that is not there is not used.
type Use struct {
	Input, Output int64
	// Media says that some of the input may be no text.
	Media bool
	Units map[string]int64
}

// Dearest is what a model may cost at the most, whichever of its prices, tiers
// and dates applies by the time that the call is priced.
type Dearest struct {
	prices [][]dated // of each tier
	at     int64     // seconds since the epoch
}

// inUS ends the names of tiers that a vendor's workspace may have by default.
const inUS = "@us"

// daySeconds is how long after its admission a call may be priced.
const daySeconds = 86_400

// Dearest returns the dearest prices of a model for a call that is priced within
// a day from the moment; false when PriceIn would be. tier is what the request asks
// for. A provider may always serve a call at its list price instead, and one that
// leaves the choice to the provider, with "" or "auto", in any of the tiers that it
// gives unasked.
func (c *Catalog) Dearest(provider, model, tier string, at time.Time) (Dearest, bool) {
	r := c.resolve(provider, model)
	if r == nil || len(r.prices) == 0 {
		return Dearest{}, false
	}
	d := Dearest{[][]dated{r.prices}, at.Unix()}
	prices, ok := r.in(tier)
	switch {
	case !ok:
		return Dearest{}, false
	case tier == "", tier == "auto":
		for i := range r.tiers {
			if !r.tiers[i].asked {
				d.prices = append(d.prices, r.tiers[i].prices)
			}
		}
	case !standard(tier):
		d.prices = append(d.prices, prices)
	}
	for i := range r.tiers { // a workspace may be in the US whatever the request asks for
		if name, ok := strings.CutSuffix(r.tiers[i].name, inUS); ok && (name == tier || name == "standard") {
			d.prices = append(d.prices, r.tiers[i].prices)
		}
	}
	return d, true
}

// Bills tells that a unit has a price whenever the call is priced.
func (d Dearest) Bills(unit string) bool {
	for i := range d.prices[0] { // tiers have the same units
		for j := range d.prices[0][i].pricing.tiers {
			if !d.prices[0][i].pricing.tiers[j].has(unit) {
				return false
			}
		}
	}
	return true
}

// Cost returns an amount that no call within use costs more than. It grows with
// every count of use.
func (d Dearest) Cost(use Use) (most schemas.Pico, err error) {
	for _, prices := range d.prices {
		cost, err := dearestOf(prices, d.at, use)
		if err != nil {
			return 0, fmt.Errorf("bound cost: %w", err)
		}
		most = max(most, cost)
	}
	return most, nil
}

// dearestOf is the most that a use costs in the day from the moment on.
func dearestOf(prices []dated, at int64, use Use) (schemas.Pico, error) {
	most, err := current(prices, time.Unix(at, 0)).most(use)
	for i := range prices {
		p := &prices[i]
		begins := [2]int64{p.from, p.from}
		if p.daily {
			// The end of a daily price is where another one begins.
			begins = [2]int64{nextDaily(at, p.start), nextDaily(at, p.end)}
		}
		for _, begin := range begins {
			if err != nil || begin <= at || begin > at+daySeconds {
				continue
			}
			var then schemas.Pico
			then, err = current(prices, time.Unix(begin, 0)).most(use)
			most = max(most, then)
		}
	}
	return most, err
}

// nextDaily is the first moment at or after at that is second of a UTC day.
func nextDaily(at, second int64) int64 {
	next := at - ((at%daySeconds)+daySeconds)%daySeconds + second
	if next < at {
		next += daySeconds
	}
	return next
}

// most is the dearest of the tiers that a request within use may fall into.
func (p *Pricing) most(use Use) (most schemas.Pico, err error) {
	for i := range p.tiers {
		rate := &p.tiers[i]
		if i > 0 && use.Input <= rate.above {
			break
		}
		input := use.Input
		if i+1 < len(p.tiers) {
			input = min(input, p.tiers[i+1].above)
		}
		cost, err := rate.most(input, use)
		if err != nil {
			return 0, err
		}
		most = max(most, cost)
	}
	return most, nil
}

func (rate *tier) most(input int64, use Use) (schemas.Pico, error) {
	var line schemas.Line
	line.Add(1, rate.request)
	if use.Media {
		line.Add(input, rate.dearestInput)
	} else {
		line.Add(input, rate.dearestText)
	}
	line.Add(use.Output, rate.dearestOutput)
	for i := range rate.units {
		u := &rate.units[i]
		count := use.Units[u.name]
		if !u.tokens && count > 0 {
			line.Add(max(count, u.minimum), u.price)
		}
	}
	return line.Total()
}

// setDearest fills what a token may cost at the most. A token is billed once, at
// the price of one of its kinds or of one of its units, as long as there is a
// price of all input and of all output; compiled-in models without have no units
// of such tokens.
func (rate *tier) setDearest(units map[string]sourceUnit) error {
	rate.dearestInput = dearer(rate.input, dearer(rate.cached, rate.write))
	rate.dearestText = rate.dearestInput
	rate.dearestOutput = dearer(rate.output, rate.reasoning)
	for _, u := range rate.units {
		for name, side := range map[string]*schemas.Price{"input_tokens": &rate.dearestInput, "output_tokens": &rate.dearestOutput} {
			if u.name != name && !within(u.name, name, units) {
				continue
			}
			if u.minimum > 0 {
				return fmt.Errorf("price of %s: a minimum of tokens is not known to the bound of a call's cost", u.name)
			}
			if !rate.has(name) {
				return fmt.Errorf("price of %s: there is none of %s", u.name, name)
			}
			*side = dearer(*side, u.price)
		}
		if within(u.name, "input_tokens", units) && !media(u.name, units) {
			rate.dearestText = dearer(rate.dearestText, u.price)
		}
	}
	return nil
}

// media tells that a unit counts input that is no text.
func media(name string, units map[string]sourceUnit) bool {
	for _, kind := range [...]string{"input_audio_tokens", "input_image_tokens", "input_video_tokens"} {
		if name == kind || within(name, kind, units) {
			return true
		}
	}
	return false
}

func (rate *tier) has(unit string) bool {
	for _, u := range rate.units {
		if u.name == unit {
			return true
		}
	}
	return false
}

func within(name, outer string, units map[string]sourceUnit) bool {
	for _, o := range units[name].Within {
		if o == outer {
			return true
		}
	}
	return false
}

func dearer(p, q schemas.Price) schemas.Price {
	if p.Compare(q) < 0 {
		return q
	}
	return p
}
