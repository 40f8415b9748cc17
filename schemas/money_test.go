package schemas

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPicoText(t *testing.T) {
	f := func(p Pico, want string) {
		t.Helper()
		if got := p.String(); got != want {
			t.Errorf("Pico(%d).String() = %q, want %q", int64(p), got, want)
		}
		back, err := ParsePico(want)
		if err != nil || back != p {
			t.Errorf("ParsePico(%q) = %d, %v; want %d", want, int64(back), err, int64(p))
		}
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("json of %d = %s, %v; want %s", int64(p), got, err, want)
		}
	}
	f(0, "0")
	f(1, "0.000000000001")
	f(-1, "-0.000000000001")
	f(PicoPerUSD, "1")
	f(123_000_000, "0.000123")
	f(-2_500_000_000_000, "-2.5")
	f(math.MaxInt64, "9223372.036854775807")
	f(math.MinInt64, "-9223372.036854775808")
}

func TestParsePicoRefuses(t *testing.T) {
	for _, text := range []string{
		"", "-", ".", ".5", "5.", "1e3", "+1", " 1", "1 ", "0x1", "1_0", "--1", "1.2.3", "١",
		"0.0000000000001", "9223372.036854775808", "-9223372.036854775809", "99999999999999999999999",
	} {
		if got, err := ParsePico(text); err == nil {
			t.Errorf("ParsePico(%q) = %d, want an error", text, int64(got))
		}
	}
	// Zeros beyond a pico-dollar say nothing and are accepted.
	if got, err := ParsePico("0.5000000000000000"); err != nil || got != 5e11 {
		t.Errorf("trailing zeros: got %d, %v", int64(got), err)
	}
}

func TestParsePrice(t *testing.T) {
	f := func(usd string, per int64, want Price) {
		t.Helper()
		if got, err := ParsePrice(usd, per); err != nil || got != want {
			t.Errorf("ParsePrice(%q, %d) = %v, %v; want %v", usd, per, got, err, want)
		}
	}
	f("0.15", 1e6, Price{150_000_000_000, 1e6})
	f("600", 1e6, Price{600e12, 1e6})
	f("0.111", 3600, Price{111_000_000_000, 3600})
	f("0", 1, Price{0, 1})
	f("0.0000000000001", 1, Price{1, 10})
	f("0.19999999999999998", 1e6, Price{19999999999999998, 1e11})

	for _, text := range []string{"", "-1", "1e-7", "$1", "1,5", "NaN", "9223373", "0." + strings.Repeat("0", 40) + "1"} {
		if got, err := ParsePrice(text, 1e6); err == nil {
			t.Errorf("ParsePrice(%q) = %v, want an error", text, got)
		}
	}
	if _, err := ParsePrice("1", 0); err == nil {
		t.Error("a price of no units was accepted")
	}
}

func TestPriceOfOneUnitAsJSON(t *testing.T) {
	f := func(usd string, per int64, want string) {
		t.Helper()
		p, err := ParsePrice(usd, per)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("%s per %d: got %s, %v; want %s", usd, per, got, err, want)
		}
	}
	f("0.15", 1e6, "0.00000015")
	f("3", 1e6, "0.000003")
	f("2", 1, "2")
	f("0", 1e6, "0")
	f("0.003625", 1e6, "0.000000003625")
	f("0.0000001", 1e6, "0.0000000000001")
	f("0.0000005", 1e6, "0.0000000000005")
	f("1.0000001", 1, "1.0000001")
	if got, err := json.Marshal(Price{1e12, 3600}); err == nil {
		t.Errorf("a third was written as %s", got)
	}
}

func TestLineRoundsHalfEvenOnce(t *testing.T) {
	half := Price{Pico: 1, Per: 2}
	f := func(count int64, want Pico) {
		t.Helper()
		var l Line
		l.Add(count, half)
		if got, err := l.Total(); err != nil || got != want {
			t.Errorf("%d halves = %d, %v; want %d", count, got, err, want)
		}
	}
	f(0, 0)
	f(1, 0) // 0.5 to even
	f(2, 1)
	f(3, 2) // 1.5 to even
	f(5, 2) // 2.5 to even
	var l Line
	l.Add(1, half)
	l.Add(1, half)
	l.Add(1, Price{Pico: 2, Per: 3})
	if got, err := l.Total(); err != nil || got != 2 { // 1 + 2/3, rounded once
		t.Errorf("mixed denominators = %d, %v; want 2", got, err)
	}
}

func TestLineErrors(t *testing.T) {
	f := func(want error, add ...func(*Line)) {
		t.Helper()
		var l Line
		for _, a := range add {
			a(&l)
		}
		if got, err := l.Total(); !errors.Is(err, want) {
			t.Errorf("got %d, %v; want %v", got, err, want)
		}
	}
	big64 := Price{math.MaxInt64, 1}
	f(ErrMoneyOverflow, func(l *Line) { l.Add(2, big64) })
	f(ErrMoneyOverflow, func(l *Line) {
		for range 9 {
			l.Add(math.MaxInt64, big64)
		}
	})
	f(ErrMoneyOverflow, func(l *Line) {
		l.Add(1, Price{1, math.MaxInt64})
		l.Add(1, Price{1, math.MaxInt64 - 1})
	})
	f(ErrNegativeCount, func(l *Line) { l.Add(-1, Price{1, 1}) })
	f(ErrNegativeCount, func(l *Line) { l.Add(-1, Price{0, 1}) })
}

func TestPriceMinus(t *testing.T) {
	f := func(p, q, want Price) {
		t.Helper()
		if got, err := p.Minus(q); err != nil || got != want {
			t.Errorf("%v - %v = %v, %v; want %v", p, q, got, err, want)
		}
	}
	f(Price{5, 6}, Price{2, 6}, Price{3, 6})
	f(Price{1, 2}, Price{1, 3}, Price{1, 6})
	f(Price{1, 3}, Price{1, 2}, Price{0, 6})
	if _, err := (Price{}).Minus(Price{1, 1}); err == nil {
		t.Error("a missing price was subtracted from")
	}
}

// sumRat is the reference: the exact sum, rounded half-even.
func sumRat(counts []int64, prices []Price) *big.Int {
	sum := new(big.Rat)
	for i, p := range prices {
		if counts[i] == 0 || p.Pico == 0 {
			continue
		}
		term := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(counts[i]), big.NewInt(p.Pico)), big.NewInt(p.Per))
		sum.Add(sum, term)
	}
	q, r := new(big.Int).QuoRem(sum.Num(), sum.Denom(), new(big.Int))
	switch twice := r.Lsh(r, 1).Cmp(sum.Denom()); {
	case twice > 0, twice == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return q
}

func checkLine(t *testing.T, counts []int64, prices []Price) {
	t.Helper()
	var l Line
	for i, p := range prices {
		l.Add(counts[i], p)
	}
	got, err := l.Total()
	want := sumRat(counts, prices)
	switch {
	case err == nil && (!want.IsInt64() || want.Int64() != int64(got)):
		t.Fatalf("%v × %v = %d, want %v", counts, prices, got, want)
	case err != nil && !errors.Is(err, ErrMoneyOverflow):
		t.Fatalf("%v × %v: %v", counts, prices, err)
	}
}

func TestLineAgainstRat(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pers := []int64{1, 2, 3, 7, 1000, 3600, 1e6, 1e9, 1e11}
	overflows := 0
	for range 50_000 {
		n := 1 + r.IntN(5)
		counts, prices := make([]int64, n), make([]Price, n)
		for i := range n {
			counts[i] = r.Int64N(1 << (1 + r.IntN(62)))
			prices[i] = Price{r.Int64N(1 << (1 + r.IntN(62))), pers[r.IntN(len(pers))]}
		}
		checkLine(t, counts, prices)
		var l Line
		for i, p := range prices {
			l.Add(counts[i], p)
		}
		if _, err := l.Total(); err != nil {
			overflows++
			// An error is right only where the exact result, or 128 bits of it, overflow.
			if want := sumRat(counts, prices); want.BitLen() < 60 {
				t.Fatalf("%v × %v: refused, exact %v", counts, prices, want)
			}
		}
	}
	if overflows == 0 || overflows == 50_000 {
		t.Errorf("%d overflows of 50,000: the test does not see both sides", overflows)
	}
}

func FuzzLine(f *testing.F) {
	f.Add(int64(1), int64(1), int64(2), int64(3), int64(2), int64(3))
	f.Add(int64(1e9), int64(600e12), int64(1e6), int64(1e9), int64(600e12), int64(3600))
	f.Fuzz(func(t *testing.T, c1, p1, n1, c2, p2, n2 int64) {
		if c1 < 0 || c2 < 0 || p1 < 0 || p2 < 0 || n1 <= 0 || n2 <= 0 {
			return
		}
		checkLine(t, []int64{c1, c2}, []Price{{p1, n1}, {p2, n2}})
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0.15", "12", "-3.000000000001", "1e9", ".", "0.19999999999999998"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePico(text); err == nil {
			want, ok := new(big.Rat).SetString(text)
			if !ok || want.Mul(want, big.NewRat(1e12, 1)).Cmp(big.NewRat(int64(p), 1)) != 0 {
				t.Fatalf("ParsePico(%q) = %d", text, int64(p))
			}
			if back, err := ParsePico(p.String()); err != nil || back != p {
				t.Fatalf("%q does not come back: %d, %v", p, int64(back), err)
			}
		}
		if p, err := ParsePrice(text, 1e6); err == nil {
			want, ok := new(big.Rat).SetString(text)
			// Pico per Per units is USD × 1e12 per 1e6 units.
			got := big.NewRat(p.Pico, p.Per)
			if !ok || got.Mul(got, big.NewRat(1, 1e6)).Cmp(want) != 0 {
				t.Fatalf("ParsePrice(%q) = %v", text, p)
			}
		}
	})
}

func BenchmarkLine(b *testing.B) {
	prices := [5]Price{{3e12, 1e6}, {3e11, 1e6}, {375e10, 1e6}, {15e12, 1e6}, {15e12, 1e6}}
	b.ReportAllocs()
	for b.Loop() {
		var l Line
		for i, p := range prices {
			l.Add(int64(1000+i), p)
		}
		if _, err := l.Total(); err != nil {
			b.Fatal(err)
		}
	}
}
