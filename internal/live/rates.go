package live

import (
	"context"
	"fmt"
	"time"
)

// Rate is a limit a minute, of requests or of tokens, and what a call takes of
// it. What rates hold is no projection of the log: it is of no generation, and
// lost with Redis.
type Rate struct {
	Dimension Dimension
	ID        string
	Tokens    bool // else requests
	PerMinute int64
	Take      int64
}

func (r *Rate) limit() int64 { return min(r.PerMinute, maxPerMinute) }

// RateState is where a limit stands. Wait is how long a call has to wait that took
// nothing, 0 when it passed.
type RateState struct {
	Remaining   int64
	Reset, Wait time.Duration
}

// TakeRates takes from all of an organisation's limits at once, or from none of
// them when one does not allow it.
func (s *Store) TakeRates(ctx context.Context, org string, rates []Rate) ([]RateState, error) {
	states, err := s.rates(ctx, "take", org, rates)
	if err != nil {
		return nil, fmt.Errorf("take from rate limits: %w", err)
	}
	return states, nil
}

// AdjustRates corrects what was taken: Take is how much more was used, below 0 how
// much less.
func (s *Store) AdjustRates(ctx context.Context, org string, rates []Rate) error {
	if _, err := s.rates(ctx, "adjust", org, rates); err != nil {
		return fmt.Errorf("adjust rate limits: %w", err)
	}
	return nil
}

func (s *Store) rates(ctx context.Context, what, org string, rates []Rate) ([]RateState, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	keys := make([]string, len(rates))
	args := make([]any, 1, 1+2*len(rates))
	args[0] = what
	scope := orgScope(org)
	for i := range rates {
		keys[i] = rateName(scope, &rates[i])
		args = append(args, rates[i].limit(), rates[i].Take)
	}
	reply, err := s.scripts.rates.Run(ctx, s.client, keys, args...).Int64Slice()
	if err != nil {
		return nil, err
	}
	if len(reply) != 3*len(rates) {
		return nil, fmt.Errorf("expected %d figures, got %d", 3*len(rates), len(reply))
	}
	states := make([]RateState, len(rates))
	for i := range states {
		states[i] = RateState{reply[3*i], time.Duration(reply[3*i+1]) * time.Microsecond, time.Duration(reply[3*i+2]) * time.Microsecond}
	}
	return states, nil
}

func rateName(scope string, r *Rate) string {
	unit := "requests"
	if r.Tokens {
		unit = "tokens"
	}
	return "weir:rate:{" + scope + "}:" + unit + ":" + string(r.Dimension) + ":" + r.ID
}
