package admission

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/metrics"
	"weir/gateway/wire"
	"weir/internal/catalog"
	"weir/internal/control"
	"weir/internal/live"
)

// Rates are where rate limits are kept; a live.Store is one.
type Rates interface {
	TakeRates(ctx context.Context, org string, rates []live.Rate) ([]live.RateState, error)
	AdjustRates(ctx context.Context, org string, rates []live.Rate) error
}

// Budgets are where reservations are kept; a live.Admission is one.
type Budgets interface {
	Reserve(ctx context.Context, c live.Claim) (live.Grant, error)
	Settle(requestID string, pico int64, seq uint64)
	Freed() <-chan struct{}
}

// Options are what an Admission is made of.
type Options struct {
	Control *control.State
	Catalog *catalog.Catalog
	Rates   Rates
	Budgets Budgets
	// Serve lets calls with budgets pass while Redis is away or being restored.
	Serve   bool
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Admission admits calls.
type Admission struct {
	Options

	lines       lines
	turns       chan struct{} // holds a token for each call that asks for its budgets
	ratesOpen   atomic.Int64  // until when Redis is not asked for rates, µs since the epoch
	adjustments chan adjustment
}

// adjustment corrects what was taken from rate limits.
type adjustment struct {
	org   string
	rates []live.Rate
}

const (
	// adjusters correct rate limits at once, from a queue of maxAdjustments. What
	// does not fit in is left out: a limit is then tighter for a minute.
	adjusters, maxAdjustments = 4, 4096
	// ratesPause is how long Redis is not asked again after it did not answer.
	ratesPause = time.Second
)

// New returns an Admission; Run must run beside it.
func New(o Options) *Admission {
	return &Admission{Options: o, turns: make(chan struct{}, atOnce), adjustments: make(chan adjustment, maxAdjustments)}
}

// Run corrects rate limits until ctx ends.
func (a *Admission) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for range adjusters {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case next := <-a.adjustments:
					if err := a.Rates.AdjustRates(ctx, next.org, next.rates); err != nil && ctx.Err() == nil {
						a.Log.Debug("correct rate limits", "org_id", next.org, "error", err)
					}
				}
			}
		})
	}
	all.Wait()
	return nil
}

// Permit is a call's way through admission; it belongs to the call. The zero value
// is that of a call without limits.
type Permit struct {
	a      *Admission
	scopes scopes

	org    string
	rates  []live.Rate
	states []live.RateState // nil when Redis was not asked
	took   bool             // all of them were taken from

	claim    live.Claim
	bound    Bound
	reserved bool
	granted  int64 // pico-dollars, 0 when nothing is reserved
	lowered  int64
	settled  bool
}

// Enter finds whose limits hold for a call and takes it from their rate limits.
// The tokens that it may use are estimated, and corrected by Settle.
func (a *Admission) Enter(ctx context.Context, c *control.Caller, user string, r wire.Request) (*Permit, *apierror.Error) {
	s, disabled := scopesOf(a.Control, c, user)
	if disabled {
		return nil, apierror.New(apierror.UserDisabled, "The end user is disabled.")
	}
	if s.n == 0 && !c.Org.Prepaid {
		return nil, nil
	}
	p := &Permit{a: a, scopes: s, org: c.Org.OrgId}
	var tokens int64
	if s.countsTokens() {
		b, e := r.Bounds()
		if e != nil {
			return nil, e
		}
		tokens = estimate(b)
	}
	if p.rates = s.rates(tokens); len(p.rates) == 0 {
		return p, nil
	}
	e := p.take(ctx)
	return p, e
}

// Estimates of tokens where a request says nothing; they are corrected by what was
// used.
const (
	estimatedImage  = 2_000
	estimatedOutput = 2_000
)

// estimate is what a request is taken to use before it is known.
func estimate(b wire.Bounds) int64 {
	limit := b.Limit
	if limit == 0 {
		limit = estimatedOutput
	}
	return b.Text + b.Images*estimatedImage + b.Choices*limit + b.Predicted
}
