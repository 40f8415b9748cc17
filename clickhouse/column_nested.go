package clickhouse

import (
	"encoding/binary"
	"slices"
)

// array is an Array column: the rows' ends, and the elements of all rows in a
// column of their own. Elements are added to items first, then end closes the
// row.
type array[C column] struct {
	ends  []uint64
	items C
}

func (c *array[C]) end()          { c.ends = append(c.ends, uint64(c.items.rows())) }
func (c *array[C]) rows() int     { return len(c.ends) }
func (c *array[C]) grow(rows int) { c.ends = slices.Grow(c.ends, rows) }

func (c *array[C]) encode(dst []byte) []byte {
	return c.items.encode(appendEnds(dst, c.ends))
}

func (c *array[C]) copyRows(src column, from, to int) {
	s := src.(*array[C])
	for row := from; row < to; row++ {
		c.items.copyRows(s.items, int(startOf(s.ends, row)), int(s.ends[row]))
		c.end()
	}
}

// mapping is a Map column, laid out as an array of pairs. Keys and values are
// added first, as many of either, then end closes the row.
type mapping[K, V column] struct {
	ends   []uint64
	keys   K
	values V
}

func (c *mapping[K, V]) end()          { c.ends = append(c.ends, uint64(c.keys.rows())) }
func (c *mapping[K, V]) rows() int     { return len(c.ends) }
func (c *mapping[K, V]) grow(rows int) { c.ends = slices.Grow(c.ends, rows) }

func (c *mapping[K, V]) encode(dst []byte) []byte {
	return c.values.encode(c.keys.encode(appendEnds(dst, c.ends)))
}

func (c *mapping[K, V]) copyRows(src column, from, to int) {
	s := src.(*mapping[K, V])
	for row := from; row < to; row++ {
		first, last := int(startOf(s.ends, row)), int(s.ends[row])
		c.keys.copyRows(s.keys, first, last)
		c.values.copyRows(s.values, first, last)
		c.end()
	}
}

func appendEnds(dst []byte, ends []uint64) []byte {
	dst, err := binary.Append(dst, binary.LittleEndian, ends)
	if err != nil {
		panic(err) // a slice of integers always encodes
	}
	return dst
}
