package manage

import (
	"context"
	"time"

	"weir/schemas"
)

// spendPatience is how long an answer may wait for all that was spent.
const spendPatience = 2 * time.Second

// spender asks what was spent, for one answer. After the first error it asks no
// more: an answer shows null rather than wait for a Redis that is away.
type spender struct {
	m        *Management
	org      string
	deadline time.Time
	gaveUp   bool
}

func (m *Management) spender(c *call) *spender {
	return &spender{m: m, org: c.org, deadline: time.Now().Add(spendPatience), gaveUp: m.Spend == nil}
}

// in returns what was spent in the current window; false when that is not known. A
// spender that is nil knows nothing.
func (s *spender) in(ctx context.Context, d Dimension, id string, w schemas.Window) (schemas.Pico, bool) {
	if s == nil || s.gaveUp {
		return 0, false
	}
	ctx, cancel := context.WithDeadline(ctx, s.deadline)
	defer cancel()
	pico, err := s.m.Spend.Spend(ctx, s.org, d, id, w)
	if err != nil {
		s.gaveUp = true
		s.m.Logger.Debug("spend is not known", "dimension", d, "error", err)
		return 0, false
	}
	return pico, true
}

func (s *spender) thisMonth(ctx context.Context, d Dimension, id string) *amount {
	pico, ok := s.in(ctx, d, id, month)
	if !ok {
		return nil
	}
	a := amount(pico)
	return &a
}
