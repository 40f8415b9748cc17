package live

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// postChunk is how many calls one script call posts.
	postChunk = 200
	// A settled call is asked for after a second, then less and less often.
	waitFirst = time.Second
	waitMax   = 30 * time.Second
)

// Run watches Redis, brings to it what was settled, and posts all claims again when
// it was lost, until ctx ends. Then the gateway says that it is gone.
func (a *Admission) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	away := false
	for {
		_, err := a.seeSince(ctx, time.Now().Add(-lookEvery/2))
		err = errors.Join(err, a.bring(ctx))
		if ctx.Err() == nil && (err != nil) != away {
			away = err != nil
			if away {
				a.o.Logger.Warn("budgets wait for Redis", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return a.gone(ctx)
		case <-tick.C:
		case <-a.kick:
		}
	}
}

func (a *Admission) gone(ended context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), a.store.timeout)
	defer cancel()
	// A Redis that is away knows nothing of the gateway either.
	_ = a.bring(ctx)
	_ = a.store.client.HDel(ctx, gatewaysKey, a.o.Node).Err()
	return ended.Err()
}

// bring brings the claims that are due to Redis, and asks for those that were
// settled a while ago.
func (a *Admission) bring(ctx context.Context) error {
	putBack, err := a.access.take(ctx)
	if err != nil {
		return err
	}
	defer putBack()
	now := time.Now()
	a.mu.Lock()
	due := a.due
	a.due = nil
	for _, c := range a.claims {
		if c.settled && !c.next.IsZero() && !c.next.After(now) {
			due = append(due, c)
		}
	}
	v := a.view
	a.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	if v.term == "" || v.generation == 0 {
		a.again(due)
		return nil // all claims are posted when there is a term
	}
	if err := a.post(ctx, v.generation, v.term, due); err != nil {
		a.again(due)
		return err
	}
	a.mu.Lock()
	close(a.freed)
	a.freed = make(chan struct{})
	a.mu.Unlock()
	return nil
}

// again keeps claims for the next turn.
func (a *Admission) again(due []*claim) {
	a.mu.Lock()
	defer a.mu.Unlock()
	soon := time.Now().Add(lookEvery)
	for _, c := range due {
		c.next = soon
	}
}

func (a *Admission) postedTerm() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.posted
}

// postTo says that the gateway lives and, in a new term, posts every claim before
// it says that it has. The caller holds access.
func (a *Admission) postTo(ctx context.Context, generation int, term string) error {
	if term == "" || term == a.postedTerm() {
		return a.beat(ctx, a.postedTerm())
	}
	a.mu.Lock()
	a.posting = term
	all := make([]*claim, 0, len(a.claims))
	for _, c := range a.claims {
		all = append(all, c)
	}
	a.mu.Unlock()
	if len(all) > 0 { // it takes a while, for which others wait
		if err := a.beat(ctx, ""); err != nil {
			return err
		}
	}
	if err := a.post(ctx, generation, term, all); err != nil {
		return err
	}
	a.mu.Lock()
	a.posted = term
	a.mu.Unlock()
	if len(all) > 0 {
		a.o.Logger.Info("open claims are posted to a new Redis", "term", term, "claims", len(all))
	}
	return a.beat(ctx, term)
}

// snapshot is a claim as it is posted.
type snapshot struct {
	*claim
	entry string
	had   bool
	seq   uint64
}

// post posts claims by organisation, and forgets those whose usage is applied.
func (a *Admission) post(ctx context.Context, generation int, term string, claims []*claim) error {
	byOrg := make(map[string][]snapshot)
	a.mu.Lock()
	for _, c := range claims {
		if a.claims[c.RequestID] != c {
			continue
		}
		s := snapshot{c, strconv.FormatInt(c.pico, 10), c.term == term, c.seq}
		if c.settled {
			s.entry = "s" + s.entry
		}
		byOrg[c.Org] = append(byOrg[c.Org], s)
	}
	a.mu.Unlock()
	for org, all := range byOrg {
		for len(all) > 0 {
			part := all[:min(len(all), postChunk)]
			all = all[len(part):]
			if err := a.postPart(ctx, org, generation, term, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Admission) postPart(ctx context.Context, org string, generation int, term string, part []snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, a.store.timeout)
	defer cancel()
	keep, err := a.callPost(ctx, org, generation, term, part)
	if err == nil && len(keep) == 0 {
		// The organisation counts by the sums of another generation still.
		if generation, err = a.store.client.HGet(ctx, guardKey(orgScope(org)), "generation").Int(); err == nil {
			keep, err = a.callPost(ctx, org, generation, term, part)
		}
		if errors.Is(err, redis.Nil) || err == nil && len(keep) == 0 {
			err = errors.New("its generation changes")
		}
	}
	if err != nil {
		return fmt.Errorf("post claims of %s: %w", org, err)
	}
	if len(keep) != len(part) {
		return fmt.Errorf("post claims of %s: redis answers for %d of %d", org, len(keep), len(part))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for i, s := range part {
		c := s.claim
		if keep[i] == 0 {
			delete(a.claims, c.RequestID)
			continue
		}
		c.term = term
		if c.settled {
			c.wait = min(max(2*c.wait, waitFirst), waitMax)
			c.next = now.Add(c.wait)
		}
	}
	return nil
}

// callPost calls post.lua.
func (a *Admission) callPost(ctx context.Context, org string, generation int, term string, part []snapshot) ([]int64, error) {
	scope, n := orgScope(org), namesOf(generation)
	keys := []string{guardKey(scope), n.in(scope, "epochs"), n.in(scope, "numbers")}
	places := make(map[budget]int)
	args := []any{generation, term, a.o.Node}
	for _, s := range part {
		args = append(args, s.RequestID, s.entry, s.had, a.o.Partition(s.RequestID), s.seq, len(s.Holds))
		for _, h := range s.Holds {
			b := h.budget()
			place, known := places[b]
			if !known {
				keys = append(keys, pendingKey(scope, b))
				place = len(keys)
				places[b] = place
			}
			args = append(args, place, b.window.expires())
		}
	}
	return a.store.scripts.post.Run(ctx, a.store.client, keys, args...).Int64Slice()
}
