package manage

import (
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/schemas"
)

// amount is money in an answer, exact, as a string: "12.5".
type amount schemas.Pico

// MarshalText writes the exact decimal.
func (a amount) MarshalText() ([]byte, error) { return schemas.Pico(a).Append(nil), nil }

// Schema describes it.
func (amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "US dollars, exact, with up to 12 decimals", Examples: []any{"12.5"}}
}

// number is money in an answer where the contract has a JSON number, exact too.
type number schemas.Pico

// MarshalJSON writes the exact decimal.
func (n number) MarshalJSON() ([]byte, error) { return schemas.Pico(n).Append(nil), nil }

// Schema describes it.
func (number) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "US dollars, exact, with up to 12 decimals", Examples: []any{12.5}}
}

// asked is money in a request: a string or a number, kept as it was written.
type asked string

// UnmarshalJSON keeps the text, which read judges: it knows the field's name.
func (a *asked) UnmarshalJSON(b []byte) error {
	if b[0] != '"' {
		*a = asked(b)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read amount: %w", err)
	}
	*a = asked(s)
	return nil
}

// Schema describes it.
func (asked) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		AnyOf:       []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeNumber}},
		Description: "US dollars, with up to 12 decimals, as a string or a number without exponent", Examples: []any{"12.5"},
	}
}

// signed reads an amount that may be below 0.
func (a asked) signed(field string) (schemas.Pico, *apierror.Error) {
	if len(a) > 64 {
		return 0, apierror.Invalid(field, field+" is not an amount of US dollars: it has more than 64 characters.")
	}
	p, err := schemas.ParsePico(string(a))
	if err != nil {
		return 0, apierror.Invalid(field, fmt.Sprintf("%s is not an amount of US dollars that can be held exactly: %v. Write at most 9223372 with at most 12 decimals, such as \"12.5\".", field, err))
	}
	return p, nil
}

// limit reads an amount that may not be below 0.
func (a asked) limit(field string) (schemas.Pico, *apierror.Error) {
	p, e := a.signed(field)
	if e == nil && p < 0 {
		e = apierror.Invalid(field, field+" is negative. Write an amount above 0, or 0 for no limit.")
	}
	return p, e
}
