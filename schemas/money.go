package schemas

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Pico is an amount of money in pico-dollars (1e-12 USD), the only unit of
// money in Weir. An int64 holds up to 9.2 million dollars either way; sums past
// one call belong in ClickHouse's Decimal(38,12).
type Pico int64

// picoDigits is the number of decimals of a dollar amount that a Pico holds.
const picoDigits = 12

// PicoPerUSD is one dollar.
const PicoPerUSD Pico = 1e12

var (
	// ErrMoneyOverflow says that an amount does not fit in 64 bits.
	ErrMoneyOverflow = errors.New("amount of money overflows 64 bits")
	// ErrNegativeCount says that a negative number of units was to be priced.
	ErrNegativeCount = errors.New("negative number of units")
)

// RoundingRule names how a line is rounded; it stands in every price version.
const RoundingRule = "half-even/1"

// String returns the amount in USD as an exact decimal without exponent and
// without trailing zeros: "0.000123", "-2", "0". It is also a JSON number.
func (p Pico) String() string { return string(p.Append(nil)) }

// Append appends what String returns to b.
func (p Pico) Append(b []byte) []byte {
	u := uint64(p)
	if p < 0 {
		b = append(b, '-')
		u = -u // right for the least int64 too
	}
	b = strconv.AppendUint(b, u/uint64(PicoPerUSD), 10)
	return appendFraction(b, u%uint64(PicoPerUSD))
}

// appendFraction appends "." and the twelve digits of frac without trailing
// zeros, or nothing when frac is zero.
func appendFraction(b []byte, frac uint64) []byte {
	if frac == 0 {
		return b
	}
	b = append(b, '.')
	at := len(b)
	b = append(b, "000000000000"...)
	for i := at + picoDigits - 1; i >= at; i-- {
		b[i] = byte('0' + frac%10)
		frac /= 10
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// MarshalJSON writes the exact amount in USD as a JSON number.
func (p Pico) MarshalJSON() ([]byte, error) { return p.Append(nil), nil }

// ParsePico reads an amount in USD from decimal text such as "12", "-0.5" or
// "0.000000000001". Exponents, signs other than a leading minus, and more than
// twelve decimals that count are errors.
func ParsePico(usd string) (Pico, error) {
	text, negative := usd, false
	if len(text) > 0 && text[0] == '-' {
		text, negative = text[1:], true
	}
	value, extra, err := parseDecimal(text)
	if err != nil {
		return 0, fmt.Errorf("parse amount %q: %w", usd, err)
	}
	if extra > 0 {
		return 0, fmt.Errorf("parse amount %q: more than %d decimals", usd, picoDigits)
	}
	if negative {
		if value > 1<<63 {
			return 0, fmt.Errorf("parse amount %q: %w", usd, ErrMoneyOverflow)
		}
		return Pico(-value), nil
	}
	if value > math.MaxInt64 {
		return 0, fmt.Errorf("parse amount %q: %w", usd, ErrMoneyOverflow)
	}
	return Pico(value), nil
}

// parseDecimal reads unsigned decimal text as value / 10^(12+extra).
func parseDecimal(text string) (value uint64, extra int, err error) {
	whole, frac := text, ""
	for i := range len(text) {
		if text[i] == '.' {
			whole, frac = text[:i], text[i+1:]
			if frac == "" {
				return 0, 0, errors.New("no digits after the point")
			}
			break
		}
	}
	if whole == "" {
		return 0, 0, errors.New("no digits before the point")
	}
	// Every character is looked at, also those that do not count.
	for _, part := range [2]string{whole, frac} {
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return 0, 0, fmt.Errorf("%q is not a decimal digit", part[i:i+1])
			}
		}
	}
	for len(frac) > 0 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	digit := func(d uint64) bool {
		hi, lo := bits.Mul64(value, 10)
		var carry uint64
		value, carry = bits.Add64(lo, d, 0)
		return hi == 0 && carry == 0
	}
	for i := range len(whole) {
		if !digit(uint64(whole[i] - '0')) {
			return 0, 0, ErrMoneyOverflow
		}
	}
	for i := range max(len(frac), picoDigits) {
		var d uint64
		if i < len(frac) {
			d = uint64(frac[i] - '0')
		}
		if !digit(d) {
			return 0, 0, ErrMoneyOverflow
		}
	}
	return value, max(0, len(frac)-picoDigits), nil
}

// SubtractClamped returns a-b, or the nearest amount that fits.
func SubtractClamped(a, b Pico) Pico {
	d := a - b
	switch {
	case b > 0 && d > a:
		return math.MinInt64
	case b < 0 && d < a:
		return math.MaxInt64
	}
	return d
}
