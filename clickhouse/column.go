package clickhouse

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A column is one column of a block, kept in a form that is cheap to append to
// and a copy away from ClickHouse's native format. The driver's own columns
// take values through interfaces and reflection, which costs several times as
// much for low-cardinality strings, arrays, maps and decimals.
type column interface {
	rows() int
	// grow makes room for so many rows, so that they are added without moving
	// those before them again and again.
	grow(rows int)
	// encode appends the column's data in the native format, without the
	// prefix of a low-cardinality column, which the driver writes.
	encode(dst []byte) []byte
	// copyRows appends the rows [from, to) of a column of the same type.
	copyRows(src column, from, to int)
}

type number interface {
	int8 | uint8 | uint16 | int32 | uint32 | int64 | uint64
}

// numbers is a column of any fixed-width type that equals a Go integer on the
// wire: integers, Bool and Enum8 (one byte), DateTime (seconds), DateTime64(6)
// (microseconds), Decimal(18, 3) (thousandths).
type numbers[T number] struct{ values []T }

func (c *numbers[T]) add(v T)       { c.values = append(c.values, v) }
func (c *numbers[T]) rows() int     { return len(c.values) }
func (c *numbers[T]) grow(rows int) { c.values = slices.Grow(c.values, rows) }

func (c *numbers[T]) encode(dst []byte) []byte {
	dst, err := binary.Append(dst, binary.LittleEndian, c.values)
	if err != nil {
		panic(err) // a slice of fixed-width integers always encodes
	}
	return dst
}

func (c *numbers[T]) copyRows(src column, from, to int) {
	c.values = append(c.values, src.(*numbers[T]).values[from:to]...)
}

// flags is a Bool column.
type flags struct{ numbers[uint8] }

func (c *flags) add(v bool) {
	var b uint8
	if v {
		b = 1
	}
	c.values = append(c.values, b)
}

func (c *flags) copyRows(src column, from, to int) {
	c.values = append(c.values, src.(*flags).values[from:to]...)
}

// money is a Decimal(38, 12) column: pico-dollars in 128 bits.
type money struct{ values []Pico }

func (c *money) add(pico int64) { c.values = append(c.values, NewPico(pico)) }
func (c *money) rows() int      { return len(c.values) }
func (c *money) grow(rows int)  { c.values = slices.Grow(c.values, rows) }

func (c *money) encode(dst []byte) []byte {
	dst = slices.Grow(dst, 16*len(c.values))
	for _, v := range c.values {
		dst = binary.LittleEndian.AppendUint64(dst, v.lo)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v.hi))
	}
	return dst
}

func (c *money) copyRows(src column, from, to int) {
	c.values = append(c.values, src.(*money).values[from:to]...)
}

// text is a String column.
type text struct {
	data []byte
	ends []int // where each row ends in data
}

func (c *text) add(s string) {
	c.data = append(c.data, s...)
	c.ends = append(c.ends, len(c.data))
}

func (c *text) addBytes(b []byte) {
	c.data = append(c.data, b...)
	c.ends = append(c.ends, len(c.data))
}

func (c *text) rows() int { return len(c.ends) }

// grow guesses the length of an id; what is longer grows by itself.
func (c *text) grow(rows int) {
	c.ends = slices.Grow(c.ends, rows)
	c.data = slices.Grow(c.data, 16*rows)
}

func (c *text) encode(dst []byte) []byte {
	dst = slices.Grow(dst, len(c.data)+2*len(c.ends))
	start := 0
	for _, end := range c.ends {
		dst = binary.AppendUvarint(dst, uint64(end-start))
		dst = append(dst, c.data[start:end]...)
		start = end
	}
	return dst
}

func (c *text) copyRows(src column, from, to int) {
	s := src.(*text)
	for row := from; row < to; row++ {
		c.addBytes(s.data[startOf(s.ends, row):s.ends[row]])
	}
}

func startOf[T int | uint64](ends []T, row int) T {
	if row == 0 {
		return 0
	}
	return ends[row-1]
}

// names is a LowCardinality(String) column: a dictionary and one key a row.
type names struct {
	keys  []uint32
	dict  []string // dict[0] is always ""
	index map[string]uint32
	last  uint32 // the key of the newest row, which the next one often repeats
}

func (c *names) add(s string) { c.keys = append(c.keys, c.key(s)) }

func (c *names) key(s string) uint32 {
	if c.index == nil {
		c.dict = append(c.dict, "")
		c.index = map[string]uint32{"": 0}
	}
	if c.dict[c.last] == s {
		return c.last
	}
	key, ok := c.index[s]
	if !ok {
		s = strings.Clone(s) // the caller's may be a window into a record
		key = uint32(len(c.dict))
		c.dict = append(c.dict, s)
		c.index[s] = key
	}
	c.last = key
	return key
}

func (c *names) rows() int     { return len(c.keys) }
func (c *names) grow(rows int) { c.keys = slices.Grow(c.keys, rows) }

// Bits of the first word of a low-cardinality column: it brings its own
// dictionary, and the width of the keys is in the low byte as a power of two.
const (
	hasAdditionalKeys = 1 << 9
	needsUpdate       = 1 << 10
)

func (c *names) encode(dst []byte) []byte {
	if len(c.keys) == 0 {
		return dst // the native format writes nothing at all for no rows
	}
	width := uint64(0)
	switch {
	case len(c.dict) > 1<<16:
		width = 2
	case len(c.dict) > 1<<8:
		width = 1
	}
	dst = binary.LittleEndian.AppendUint64(dst, hasAdditionalKeys|needsUpdate|width)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(c.dict)))
	for _, s := range c.dict {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(c.keys)))
	dst = slices.Grow(dst, len(c.keys)<<width)
	for _, key := range c.keys {
		switch width {
		case 0:
			dst = append(dst, byte(key))
		case 1:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(key))
		default:
			dst = binary.LittleEndian.AppendUint32(dst, key)
		}
	}
	return dst
}

func (c *names) copyRows(src column, from, to int) {
	s := src.(*names)
	for _, key := range s.keys[from:to] {
		c.add(s.dict[key])
	}
}
