package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"weir/gateway/admission"
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
	store, err := s.store(ctx)
	if err != nil {
		return 0, err
	}
	pico, err := store.Spend(ctx, org, live.Dimension(d), id, admission.WindowOf(w, s.now()))
	return schemas.Pico(pico), err
}
