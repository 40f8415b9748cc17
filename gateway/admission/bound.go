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
	media     bool // not all that goes in is text
}

// Model is what a call asks for: the catalog's vendor, the provider's own name and
// the model's.
type Model struct{ Vendor, Provider, Name string }

// BoundOf bounds a request to a model. What has no bound is refused with the
// field's name and the remedy.
func BoundOf(c *catalog.Catalog, m Model, at time.Time, r wire.Bounds) (Bound, *apierror.Error) {
	name := metering.Priced(c, m.Vendor, m.Provider, m.Name)
	dearest, ok := c.Dearest(name, m.Name, at)
	if !ok {
		return Bound{}, apierror.New(apierror.Unpriced, fmt.Sprintf("The model %s/%s has no known price, and the API key has a budget. "+
			"Use a model of GET /v1/models that has prices, or have the operator set its prices in catalog.models.", m.Provider, m.Name))
	}
	if r.Unlimited != "" {
		return Bound{}, unbounded(r.Unlimited, "must say how often a tool that the provider runs may be used, from 1 to 1000, since the API key has a budget.")
	}
	window, most := c.Window(name, m.Name)
	b := Bound{Limit: r.Limit, dearest: dearest, input: r.Text, choices: r.Choices, predicted: r.Predicted, uses: r.Uses,
		media: r.Images > 0 || r.Whole != "" || r.Uses > 0}
	switch {
	case b.Limit > 0:
	case most > 0:
		b.Limit = most
	case window > 0:
		b.Limit = window
	default:
		return Bound{}, unbounded("max_completion_tokens", "must be set, since the API key has a budget and it is not known how much the model gives at the most.")
	}
	if window == 0 && (r.Whole != "" || r.Uses > 0) {
		field := r.Whole
		if field == "" {
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
	if r.Whole != "" {
		b.input = max(r.Text, window)
	}
	if r.Uses > 0 { // each use is followed by the model's reading everything again
		b.input = (r.Uses + 1) * max(b.input, window)
	}
	return b, nil
}

func unbounded(field, what string) *apierror.Error {
	e := apierror.New(apierror.Unbounded, "The field '"+field+"' "+what)
	e.Param = field
	return e
}

// Input is the most tokens that the call may put in.
func (b *Bound) Input() int64 { return b.input }

// Output is the most that it may take out when each choice is limited to so many.
func (b *Bound) Output(limit int64) int64 { return b.choices*limit + b.predicted }

// Cost is the most that the call may cost when each choice has at most so many
// tokens. False when no number says it.
func (b *Bound) Cost(limit int64) (schemas.Pico, bool) {
	use := catalog.Use{Input: b.input, Output: b.Output(limit), Media: b.media}
	if b.uses > 0 {
		use.Units = map[string]int64{"web_searches": b.uses, "storage_searches": b.uses}
	}
	cost, err := b.dearest.Cost(use)
	return cost, err == nil
}

// Least is the smallest output limit that is of any use, no more than Limit.
func (b *Bound) Least() int64 { return min(leastOutput, b.Limit) }

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
