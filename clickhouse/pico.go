package clickhouse

import (
	"math/big"
	"math/bits"
)

// Pico is an amount of pico-dollars (1e-12 USD) in 128 bits, what one
// Decimal(38, 12) holds: a call's cost fits 64 bits, the sum over a batch need
// not. The zero value is nothing.
type Pico struct {
	hi int64
	lo uint64
}

// NewPico returns an amount of one call.
func NewPico(pico int64) Pico { return Pico{hi: pico >> 63, lo: uint64(pico)} }

// Add adds the amount of one call.
func (p *Pico) Add(pico int64) { p.AddPico(NewPico(pico)) }

// AddPico adds a sum.
func (p *Pico) AddPico(q Pico) {
	lo, carry := bits.Add64(p.lo, q.lo, 0)
	hi, _ := bits.Add64(uint64(p.hi), uint64(q.hi), carry)
	p.hi, p.lo = int64(hi), lo
}

// Big returns the amount as an integer of any size.
func (p Pico) Big() *big.Int {
	v := new(big.Int).Lsh(big.NewInt(p.hi), 64)
	return v.Add(v, new(big.Int).SetUint64(p.lo))
}
