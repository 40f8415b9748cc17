package live

import (
	"strings"
	"testing"
	"time"

	"weir/schemas"
)

// What a claim writes into its events is read as what it holds.
func TestHoldsInEvents(t *testing.T) {
	c := Claim{Want: 7}
	for _, d := range dimensions {
		for _, kind := range []string{"day", "week", "month", "lifetime"} {
			w, ok := WindowAt(kind, noon)
			if !ok || w.Kind() != kind {
				t.Fatalf("%s is %v", kind, w)
			}
			c.Holds = append(c.Holds, Hold{d, "a:day:b", w, 1})
		}
	}
	for i, e := range c.Events() {
		got, err := parseHold(e)
		if err != nil || got != c.Holds[i].budget() || e.ReservedPico != 7 {
			t.Errorf("%v is read as %v, %v", e, got, err)
		}
	}
}

func TestHoldsThatCannotBe(t *testing.T) {
	day := noon.Truncate(24 * time.Hour).UnixMicro()
	for name, h := range map[string]*schemas.BudgetHold{
		"budget_id":     {BudgetId: "key:day", WindowStart: day},
		"budget_id ":    {BudgetId: "keys:day:a", WindowStart: day},
		"budget_id  ":   {BudgetId: "key:hour:a", WindowStart: day},
		"window_start":  {BudgetId: "key:day:a", WindowStart: day + 1},
		"window_start ": {BudgetId: "key:lifetime:a", WindowStart: day},
	} {
		if got, err := parseHold(h); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
			t.Errorf("%v is read as %v, %v; want an error of %s", h, got, err, name)
		}
	}
}

// A hold that is read is one that a claim could have written.
func FuzzParseHold(f *testing.F) {
	f.Add("key:day:a", int64(0))
	f.Add("org:lifetime:", int64(0))
	f.Add("user:week:a:b", int64(1_764_028_800_000_000))
	f.Add("::", int64(-1))
	f.Fuzz(func(t *testing.T, id string, start int64) {
		b, err := parseHold(&schemas.BudgetHold{BudgetId: id, WindowStart: start})
		if err != nil {
			return
		}
		c := Claim{RequestID: "r", Holds: []Hold{{b.dimension, b.id, b.window, 1}}}
		if err := c.validate(); err != nil {
			t.Fatal(err)
		}
		if e := c.Events()[0]; e.BudgetId != id || e.WindowStart != start {
			t.Errorf("%q at %d is written as %v", id, start, e)
		}
	})
}

// What stands at a position is what was written there.
func FuzzParsePosition(f *testing.F) {
	f.Add("0hohzw1qp5d00001:17")
	f.Add(":")
	f.Add("e:-1")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parsePosition(text)
		if err != nil {
			return
		}
		if back, err := parsePosition(at.String()); err != nil || back != at {
			t.Errorf("%q is %v, written and read again %v, %v", text, at, back, err)
		}
	})
}
