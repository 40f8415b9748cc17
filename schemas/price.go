package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Price is what units cost, as an exact fraction: Pico pico-dollars for every
// Per units (a million tokens, one image, 3,600 seconds). It is never negative
// and never was a float. The zero Price is "no price"; a price of nothing is
// {0, 1} or any other Per.
type Price struct {
	Pico int64
	Per  int64
}

// ParsePrice reads the price of per units from decimal text in USD, such as
// "0.15" for per = 1,000,000. Signs and exponents are errors. Decimals beyond a
// pico-dollar are kept, by a larger Per.
func ParsePrice(usd string, per int64) (Price, error) {
	if per <= 0 {
		return Price{}, fmt.Errorf("parse price %q: %d units is not positive", usd, per)
	}
	value, extra, err := parseDecimal(usd)
	if err != nil {
		return Price{}, fmt.Errorf("parse price %q: %w", usd, err)
	}
	for range extra {
		if per > math.MaxInt64/10 {
			return Price{}, fmt.Errorf("parse price %q: %w", usd, ErrMoneyOverflow)
		}
		per *= 10
	}
	if value > math.MaxInt64 {
		return Price{}, fmt.Errorf("parse price %q: %w", usd, ErrMoneyOverflow)
	}
	return Price{Pico: int64(value), Per: per}, nil
}

// IsZero reports "no price"; encoding/json's omitzero asks it.
func (p Price) IsZero() bool { return p.Per == 0 }

// Compare returns -1, 0 or 1 as one unit costs less, as much or more at p than at
// q. No price is less than any.
func (p Price) Compare(q Price) int {
	ph, pl := bits.Mul64(uint64(p.Pico), uint64(q.Per))
	qh, ql := bits.Mul64(uint64(q.Pico), uint64(p.Per))
	if p.Per == 0 || q.Per == 0 {
		return cmp.Compare(p.Per, q.Per)
	}
	return cmp.Or(cmp.Compare(ph, qh), cmp.Compare(pl, ql))
}

// Minus returns p less q, exactly; nothing when q is the higher one.
func (p Price) Minus(q Price) (Price, error) {
	if p.IsZero() || q.IsZero() {
		return Price{}, errors.New("subtract a price that is not set")
	}
	per, ok := lcm(p.Per, q.Per)
	if !ok {
		return Price{}, ErrMoneyOverflow
	}
	ph, pl := bits.Mul64(uint64(p.Pico), uint64(per/p.Per))
	qh, ql := bits.Mul64(uint64(q.Pico), uint64(per/q.Per))
	lo, borrow := bits.Sub64(pl, ql, 0)
	hi, borrow := bits.Sub64(ph, qh, borrow)
	if borrow != 0 {
		return Price{Pico: 0, Per: per}, nil
	}
	if hi != 0 || lo > math.MaxInt64 {
		return Price{}, ErrMoneyOverflow
	}
	return Price{Pico: int64(lo), Per: per}, nil
}

// Times returns p multiplied by the fraction num/den, exactly.
func (p Price) Times(num, den int64) (Price, error) {
	if p.IsZero() || num < 0 || den <= 0 {
		return Price{}, fmt.Errorf("multiply price %d/%d by %d/%d: not valid", p.Pico, p.Per, num, den)
	}
	ph, pl := bits.Mul64(uint64(p.Pico), uint64(num))
	dh, dl := bits.Mul64(uint64(p.Per), uint64(den))
	if ph != 0 || dh != 0 || pl > math.MaxInt64 || dl > math.MaxInt64 {
		return Price{}, ErrMoneyOverflow
	}
	return Price{Pico: int64(pl), Per: int64(dl)}, nil
}

// MarshalJSON writes the price of ONE unit in USD as an exact JSON number. A
// fraction that has no finite decimal form (a dollar per 3,600 seconds) is an
// error rather than an approximation.
func (p Price) MarshalJSON() ([]byte, error) {
	if p.IsZero() {
		return []byte("null"), nil
	}
	b := Pico(p.Pico / p.Per).Append(nil)
	rest, per := uint64(p.Pico%p.Per), uint64(p.Per)
	if rest == 0 {
		return b, nil
	}
	// Pad to the twelve decimals of a pico-dollar, then go on by long division.
	point := -1
	for i, c := range b {
		if c == '.' {
			point = i
		}
	}
	if point < 0 {
		point = len(b)
		b = append(b, '.')
	}
	for len(b)-point-1 < picoDigits {
		b = append(b, '0')
	}
	for range 64 { // 2^63 has 63 factors of two: no finite form is longer
		if rest == 0 {
			return b, nil
		}
		hi, lo := bits.Mul64(rest, 10)
		var digit uint64
		digit, rest = bits.Div64(hi, lo, per)
		b = append(b, byte('0'+digit))
	}
	if rest == 0 {
		return b, nil
	}
	return nil, fmt.Errorf("write price of one unit: %d/%d has no finite decimal form", p.Pico, p.Per)
}

// Line sums counts of several kinds, each at its own price, exactly, and rounds
// once. The zero Line is empty and ready. It is a plain value: no allocation,
// not for concurrent use. The first error sticks and comes back from Total.
type Line struct {
	hi, lo uint64 // the sum so far, in pico-dollars times per
	per    int64
	err    error
}

// Add adds count units at price p. Products and sum have 128 bits.
func (l *Line) Add(count int64, p Price) {
	if count == 0 || p.Pico == 0 || l.err != nil {
		if count < 0 && l.err == nil {
			l.err = ErrNegativeCount
		}
		return
	}
	if count < 0 {
		l.err = ErrNegativeCount
		return
	}
	if p.Pico < 0 || p.Per <= 0 {
		l.err = fmt.Errorf("price %d/%d is not valid", p.Pico, p.Per)
		return
	}
	hi, lo := bits.Mul64(uint64(count), uint64(p.Pico))
	if l.per != p.Per {
		if l.per == 0 {
			l.per = p.Per
		} else if hi, lo = l.align(hi, lo, p.Per); l.err != nil {
			return
		}
	}
	var carry uint64
	l.lo, carry = bits.Add64(l.lo, lo, 0)
	l.hi, carry = bits.Add64(l.hi, hi, carry)
	if carry != 0 {
		l.err = ErrMoneyOverflow
	}
}

// align brings the sum and a product over per to a common denominator and
// returns the product over it.
func (l *Line) align(hi, lo uint64, per int64) (uint64, uint64) {
	common, ok := lcm(l.per, per)
	if !ok {
		l.err = ErrMoneyOverflow
		return 0, 0
	}
	sumHi, sumLo, ok1 := mul128(l.hi, l.lo, uint64(common/l.per))
	hi, lo, ok2 := mul128(hi, lo, uint64(common/per))
	if !ok1 || !ok2 {
		l.err = ErrMoneyOverflow
		return 0, 0
	}
	l.hi, l.lo, l.per = sumHi, sumLo, common
	return hi, lo
}

// Total returns the sum, rounded half-even to a pico-dollar.
func (l *Line) Total() (Pico, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.per == 0 {
		return 0, nil
	}
	per := uint64(l.per)
	if l.hi >= per {
		return 0, ErrMoneyOverflow
	}
	quotient, rest := bits.Div64(l.hi, l.lo, per)
	if other := per - rest; rest > other || (rest == other && quotient&1 == 1) {
		if quotient++; quotient == 0 {
			return 0, ErrMoneyOverflow
		}
	}
	if quotient > math.MaxInt64 {
		return 0, ErrMoneyOverflow
	}
	return Pico(quotient), nil
}

func mul128(hi, lo, factor uint64) (uint64, uint64, bool) {
	over, hiLo := bits.Mul64(hi, factor)
	carryHi, lo := bits.Mul64(lo, factor)
	hi, carry := bits.Add64(hiLo, carryHi, 0)
	return hi, lo, over == 0 && carry == 0
}

// lcm of two positive numbers; false when it does not fit.
func lcm(a, b int64) (int64, bool) {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	hi, lo := bits.Mul64(uint64(a/x), uint64(b))
	return int64(lo), hi == 0 && lo <= math.MaxInt64
}
