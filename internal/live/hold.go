package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/schemas"
)

// budget names what is spent against, without its limit.
type budget struct {
	dimension Dimension
	id        string
	window    Window
}

// Hold is one budget that a call is held against: what a dimension may spend in
// a window, in pico-dollars. A budget that is changed is the same budget with
// another limit.
type Hold struct {
	Dimension Dimension
	ID        string
	Window    Window
	Limit     int64
}

func (h Hold) budget() budget { return budget{h.Dimension, h.ID, h.Window} }

// Claim is what a call asks for, of all its budgets alike: Want is the most that
// it can cost, Least is what it can do something with.
type Claim struct {
	Org, RequestID string
	Holds          []Hold
	Want, Least    int64
}

// validate names the field that cannot be and the remedy.
func (c *Claim) validate() error {
	switch {
	case c.RequestID == "":
		return errors.New("claim has no request id; a reservation is found by it again")
	case c.Least < 0 || c.Want < c.Least:
		return fmt.Errorf("claim wants %d and at least %d; both must be 0 or more, and the first not below the second", c.Want, c.Least)
	}
	for i, h := range c.Holds {
		if !slices.Contains(dimensions, h.Dimension) || h.Window == (Window{}) {
			return fmt.Errorf("hold %d of the claim is of dimension %q and window %q; both must be one of package live", i, h.Dimension, h.Window.Kind())
		}
		for _, o := range c.Holds[:i] {
			if o.budget() == h.budget() {
				return fmt.Errorf("holds of the claim name %s %q %s twice; leave the larger limit out", h.Dimension, h.ID, h.Window)
			}
		}
	}
	return nil
}

// Events returns the holds as the events of the call carry them: RequestReceived,
// and UsageRecorded, by which the reservation ends.
func (c *Claim) Events() []*schemas.BudgetHold {
	if len(c.Holds) == 0 {
		return nil
	}
	events := make([]*schemas.BudgetHold, len(c.Holds))
	for i, h := range c.Holds {
		events[i] = &schemas.BudgetHold{
			BudgetId:    string(h.Dimension) + ":" + h.Window.Kind() + ":" + h.ID,
			WindowStart: h.Window.start * int64(time.Second/time.Microsecond), ReservedPico: c.Want,
		}
	}
	return events
}

// parseHold reads what Events has written. Its texts are windows into the event.
func parseHold(h *schemas.BudgetHold) (budget, error) {
	dimension, rest, _ := strings.Cut(h.GetBudgetId(), ":")
	kind, id, ok := strings.Cut(rest, ":")
	start := time.UnixMicro(h.GetWindowStart())
	window, known := WindowAt(kind, start)
	at := slices.Index(dimensions, Dimension(dimension))
	switch {
	case !ok || !known || at < 0:
		return budget{}, fmt.Errorf("budget_id is %q; it must be dimension:window:id", h.GetBudgetId())
	case !window.Start().Equal(start) || window.Start().Year() > 9999:
		return budget{}, fmt.Errorf("window_start of %q is %d; it must be the beginning of a %s, UTC", h.GetBudgetId(), h.GetWindowStart(), kind)
	}
	return budget{dimensions[at], id, window}, nil
}
