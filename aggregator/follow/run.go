package follow

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Run looks after Redis until ctx ends: it notices that Redis was emptied or is
// back, applies what waits, and restores what is lost.
func (f *Follower) Run(ctx context.Context) error {
	// Restores read under this context, and are waited for.
	ctx, cancel := context.WithCancel(ctx)
	var reads sync.WaitGroup
	defer reads.Wait()
	defer cancel()

	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
		case <-f.kick:
		case r := <-f.results:
			f.took(r)
		}
		err := f.step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.setTrouble(err)
		if err == nil {
			f.startReads(ctx, &reads)
		}
	}
}

// step compares every partition with Redis, applies what is due and writes the
// restores that have been read. An error means that Redis cannot be used now.
func (f *Follower) step(ctx context.Context) error {
	f.writes.Lock()
	defer f.writes.Unlock()

	positions, err := f.redis.Positions(ctx)
	if err != nil {
		// A restore that cannot be written would only take up memory.
		f.each(func(e *entry) {
			if e.phase == writing {
				e.lose()
			}
		})
		return err
	}
	f.each(func(e *entry) {
		at, held := positions[e.id]
		switch e.phase {
		case unread:
			e.locate(at, held)
		case following:
			e.checked(at, held)
		case ahead:
			e.checked(at, held)
			if f.now().Sub(e.since) > explainLimit {
				e.unexplained()
			}
		}
	})
	for _, e := range f.entries() {
		if err := f.write(ctx, e); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, workLimit)
		err := f.apply(limited, e)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// write ends a restore whose sums are known.
func (f *Follower) write(ctx context.Context, e *entry) error {
	f.mu.Lock()
	if e.phase != writing {
		f.mu.Unlock()
		return nil
	}
	at, sums := e.gather()
	f.mu.Unlock()

	// A restore of millions of lifetimes takes its time.
	ctx, cancel := context.WithTimeout(ctx, workLimit+time.Duration(sums.Len())*time.Millisecond)
	defer cancel()
	ok, err := f.redis.Restore(ctx, e.id, at, sums)
	if err != nil {
		return err
	}
	f.mu.Lock()
	if !ok && e.phase == writing {
		e.lose()
	}
	if !ok {
		f.mu.Unlock()
		return nil
	}
	if e.phase == writing && e.restored == sums {
		e.wrote()
	}
	f.mu.Unlock()
	f.metrics.restores.Inc()
	f.logger.Info("live sums of a partition are restored", "partition", e.id, "before", at.Next, "sums", sums.Len())
	return nil
}

// each calls fn with every partition, in order, under the lock.
func (f *Follower) each(fn func(*entry)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.sorted() {
		fn(e)
	}
}

func (f *Follower) entries() []*entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sorted()
}

func (f *Follower) sorted() []*entry {
	entries := make([]*entry, 0, len(f.partitions))
	for _, e := range f.partitions {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return int(a.id - b.id) })
	return entries
}
