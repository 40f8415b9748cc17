package schemas

import (
	"math"
	"testing"
)

func TestPriceCompare(t *testing.T) {
	for _, f := range []struct {
		p, q Price
		want int
	}{
		{Price{1, 2}, Price{2, 4}, 0}, {Price{1, 3}, Price{1, 2}, -1}, {Price{}, Price{0, 1}, -1}, {Price{}, Price{}, 0},
		{Price{math.MaxInt64, 1}, Price{math.MaxInt64, 2}, 1}, {Price{math.MaxInt64, math.MaxInt64}, Price{1, 1}, 0},
	} {
		if got, back := f.p.Compare(f.q), f.q.Compare(f.p); got != f.want || back != -f.want {
			t.Errorf("%v against %v is %d and %d, want %d", f.p, f.q, got, back, f.want)
		}
	}
}
