package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"weir/e2e/stacktest"
)

// price is what a token of each kind costs, in picodollars (1e-12 USD): a price of $0.15 for a million
// tokens is 150,000 picodollars a token, so that no sum below is ever rounded.
type price struct{ input, cached, written, output, reasoning int64 }

// priceOf is the price of a mock model, options after the colon aside, as the stack's weir.yaml gives it.
func priceOf(model string) (price, error) {
	name, _, _ := strings.Cut(model, ":")
	switch strings.TrimPrefix(name, "mock/") {
	case "small":
		return price{150_000, 75_000, 187_500, 600_000, 600_000}, nil
	case "large":
		return price{2_500_000, 250_000, 3_125_000, 10_000_000, 12_000_000}, nil
	}
	return price{}, fmt.Errorf("no price of %q is known here", model)
}

// cost is the cost of the tokens in USD.
func (p price) cost(t stacktest.Tokens) decimal.Decimal {
	return decimal.New(t.Input*p.input+t.Cached*p.cached+t.Written*p.written+t.Output*p.output+t.Reasoning*p.reasoning, -12)
}

// checkCost says whether a row costs what its tokens cost.
func checkCost(u stacktest.Usage) error {
	got, err := decimal.NewFromString(u.Cost)
	if err != nil {
		return fmt.Errorf("read the cost of %s: %w", u.RequestID, err)
	}
	want := decimal.Zero
	if u.Tokens() != (stacktest.Tokens{}) {
		p, err := priceOf(u.Model)
		if err != nil {
			return err
		}
		want = p.cost(u.Tokens())
	}
	if !got.Equal(want) {
		return fmt.Errorf("%s (%s) costs %s, its tokens %+v cost %s", u.RequestID, u.Model, got, u.Tokens(), want)
	}
	return nil
}

// TestPricesAreThoseOfTheStack sees that the figures above are the ones the stack is configured with.
func TestPricesAreThoseOfTheStack(t *testing.T) {
	for _, model := range []string{"mock/small", "mock/large"} {
		a := shared.Client().Do(t.Context(), "GET", "/v1/models/"+model, nil)
		var got struct {
			Input   json.Number `json:"input_price"`
			Cached  json.Number `json:"cached_price"`
			Written json.Number `json:"caching_price"`
			Output  json.Number `json:"output_price"`
		}
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != 200 {
			t.Fatalf("%s: %d %s %v", model, a.Status, a.Body, err)
		}
		want, err := priceOf(model)
		if err != nil {
			t.Fatal(err)
		}
		for text, pico := range map[json.Number]int64{
			got.Input: want.input, got.Cached: want.cached, got.Written: want.written, got.Output: want.output,
		} {
			if d, err := decimal.NewFromString(text.String()); err != nil || !d.Equal(decimal.New(pico, -12)) {
				t.Errorf("%s: a price of %s USD a token, want %s", model, text, decimal.New(pico, -12))
			}
		}
	}
}
