package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/gateway/manage"
	"weir/internal/live"
	"weir/schemas"
)

// liveSpend is what Redis knows of spend, for the management API. A sum is told
// only while Redis holds all of them.
type liveSpend struct {
	redis      *live.Store
	partitions int
	now        func() time.Time

	mu      sync.Mutex // owns the rest
	serving *live.Store
	until   time.Time // that long serving is taken for the generation that is kept up
}

// servingKept is how long the answers of Serving and Restored are kept: a rebuild
// and a loss of Redis show within it.
const servingKept = time.Second

var errNotRestored = errors.New("live spend is being restored from the log")

func (s *liveSpend) store(ctx context.Context) (*live.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Before(s.until) {
		return s.serving, nil
	}
	serving, err := s.redis.Serving(ctx)
	if err != nil {
		return nil, err
	}
	restored, err := serving.Restored(ctx, s.partitions)
	if err != nil {
		return nil, err
	}
	if !restored {
		return nil, errNotRestored
	}
	s.serving, s.until = serving, s.now().Add(servingKept)
	return serving, nil
}

// Spend asks for the current window.
func (s *liveSpend) Spend(ctx context.Context, org string, d manage.Dimension, id string, w schemas.Window) (schemas.Pico, error) {
	var window live.Window
	switch w {
	case schemas.Window_WINDOW_DAY:
		window = live.DayOf(s.now())
	case schemas.Window_WINDOW_MONTH:
		window = live.MonthOf(s.now())
	default:
		return 0, fmt.Errorf("spend by %s is not kept", w)
	}
	var dimension live.Dimension
	switch d {
	case manage.Org:
		dimension = live.Org
	case manage.Key:
		dimension = live.Key
	case manage.User:
		dimension = live.User
	default:
		return 0, fmt.Errorf("spend by %s is not kept", d)
	}
	store, err := s.store(ctx)
	if err != nil {
		return 0, err
	}
	pico, err := store.Spend(ctx, org, dimension, id, window)
	return schemas.Pico(pico), err
}
