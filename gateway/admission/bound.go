package admission

import (
	"fmt"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/metering"
	"weir/gateway/wire"
	"weir/internal/catalog"
	"weir/schemas"
)

const (
	// imageTokens is the most that a picture in the body counts for: the dearest
	// known is a picture of the largest size and in detail at gpt-4o-mini, 48,169.
	imageTokens = 50_000
	// leastOutput is how low an output limit is set so that a call fits a budget.
	leastOutput = 16
)

// Bound is the most that a call may use of a model, and what that costs.
type Bound struct {
	// Limit is the most output tokens of a choice, the client's or the model's own.
	Limit int64

	dearest   catalog.Dearest
	input     int64
	choices   int64
	predicted int64
	uses      int64
	apart     int64 // tokens of reasoning that no limit bounds, for each choice
	seconds   int64 // of sound
	unset     bool  // Limit is the model's own, as far as it is known
	fixed     bool  // no field lowers the output
	media     bool  // not all that goes in is text
}

// Model is what a call asks for: the catalog's vendor, the provider's own name and
// the model's.
type Model struct{ Vendor, Provider, Name string }

// BoundOf bounds a request to a model. What has no bound is refused with the
// field's name and the remedy.
func BoundOf(c *catalog.Catalog, m Model, at time.Time, r wire.Bounds) (Bound, *apierror.Error) {
	name := metering.Priced(c, m.Vendor, m.Provider, m.Name)
	if !c.Priced(name, m.Name) {
		return Bound{}, apierror.New(apierror.Unpriced, fmt.Sprintf("The model %s/%s has no known price, and the API key has a budget. "+
			"Use a model of GET /v1/models that has prices, or have the operator set its prices in catalog.models.", m.Provider, m.Name))
	}
	dearest, ok := c.Dearest(name, m.Name, r.Tier, at)
	if !ok {
		return Bound{}, unbounded("service_tier", fmt.Sprintf("asks for a tier in which %s/%s has no known price, and the API key has a budget. "+
			"Leave it out, or have the operator set service_tiers in catalog.models.", m.Provider, m.Name))
	}
	searches := c.Searches(name, m.Name)
	if searches == catalog.AnyNumber {
		return Bound{}, unbounded("model", fmt.Sprintf("names %s/%s, which searches as often as it likes, and the API key has a budget. Use another model.", m.Provider, m.Name))
	}
	if searches > 0 && r.Unlimited == ownSearch {
		r.Unlimited = "" // what it does anyway, and no more often
	}
	if r.Unlimited != "" {
		return Bound{}, unbounded(r.Unlimited, "must say how often a tool that the provider runs may be used, from 1 to 1000, since the API key has a budget.")
	}
	window, most := c.Window(name, m.Name)
	// Sound is priced by the second or by the token; a model of the first kind has no
	// window that would matter.
	bySecond := r.Seconds > 0 && tokensAreFree(dearest)
	b := Bound{Limit: r.Limit, dearest: dearest, input: r.Text, choices: r.Choices, predicted: r.Predicted, uses: r.Uses,
		seconds: r.Seconds, fixed: r.Fixed, media: r.Images > 0 || r.Whole != "" || r.Uses > 0}
	switch {
	case b.Limit > 0:
	case r.Choices == 0 || bySecond: // nothing is put out that has a price
		b.Limit = 1
	case most > 0:
		b.Limit, b.unset = most, !r.Fixed
	case window > 0:
		b.Limit = window
	default:
		return Bound{}, unbounded("max_completion_tokens", "must be set, since the API key has a budget and it is not known how much the model gives at the most.")
	}
	if c.ReasoningApart(name, m.Name) && (r.MaxTokens || r.Limit == 0) {
		if b.apart = max(window, most); b.apart == 0 {
			return Bound{}, unbounded("max_tokens", "does not bound the model's reasoning, and the API key has a budget. Set max_completion_tokens in its place.")
		}
	}
	if r.Uses > 0 && !dearest.Bills(metering.UnitSearches) {
		return Bound{}, unbounded("tools", fmt.Sprintf("names a tool that the provider runs, for which %s/%s has no known price, and the API key has a budget. "+
			"Leave it out, or have the operator set search_price in catalog.models.", m.Provider, m.Name))
	}
	if window == 0 && !bySecond && (r.Whole != "" || r.Uses > 0 || searches > 0) {
		field := r.Whole
		switch {
		case field == "" && searches > 0:
			field = "model"
		case field == "":
			field = "tools"
		}
		return Bound{}, unbounded(field, "may fill the model's context window, whose size is not known, and the API key has a budget. "+
			"Leave it out, or have the operator set context_window in catalog.models.")
	}
	if r.Images > 0 {
		b.input += r.Images * imageTokens
		if window > 0 { // no prompt is larger, whatever is shown in it
			b.input = min(b.input, max(window, r.Text))
		}
	}
	if r.Whole != "" || searches > 0 {
		b.input = max(r.Text, window)
	}
	if r.Uses > 0 { // each use is followed by the model's reading everything again
		b.input = (r.Uses + 1) * max(b.input, window)
	}
	b.uses += int64(searches)
	return b, nil
}

// ownSearch is the field that a model which always searches is given with every call.
const ownSearch = "web_search_options.max_uses"

func unbounded(field, what string) *apierror.Error {
	e := apierror.New(apierror.Unbounded, "The field '"+field+"' "+what)
	e.Param = field
	return e
}

// Input is the most tokens that the call may put in.
func (b *Bound) Input() int64 { return b.input }

// Output is the most that it may take out when each choice is limited to so many.
func (b *Bound) Output(limit int64) int64 { return b.choices*(limit+b.apart) + b.predicted }

// Cost is the most that the call may cost when each choice has at most so many
// tokens. False when no number says it.
func (b *Bound) Cost(limit int64) (schemas.Pico, bool) {
	use := catalog.Use{Input: b.input, Output: b.Output(limit), Media: b.media}
	if b.uses > 0 {
		use.Units = map[string]int64{metering.UnitSearches: b.uses, "storage_searches": b.uses}
	}
	if b.seconds > 0 {
		use.Units = map[string]int64{metering.UnitSeconds: b.seconds}
	}
	cost, err := b.dearest.Cost(use)
	return cost, err == nil
}

// Least is the smallest output limit that is of any use, no more than Limit.
func (b *Bound) Least() int64 {
	if b.fixed {
		return b.Limit
	}
	return min(leastOutput, b.Limit)
}

// tokensAreFree tells that a model's price does not depend on its tokens.
func tokensAreFree(d catalog.Dearest) bool {
	const many = 1_000_000
	nothing, err := d.Cost(catalog.Use{})
	some, more := d.Cost(catalog.Use{Input: many, Output: many, Media: true})
	return err == nil && more == nil && some == nothing
}

// Fit is the largest output limit, from Least to Limit, with which the call costs
// no more than an amount; 0 when there is none.
func (b *Bound) Fit(amount schemas.Pico) int64 {
	fits := func(limit int64) bool {
		cost, ok := b.Cost(limit)
		return ok && cost <= amount
	}
	low, high := b.Least(), b.Limit
	if !fits(low) {
		return 0
	}
	for low < high {
		if middle := high - (high-low)/2; fits(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}
