package follow

import (
	"context"
	"sync"

	"weir/internal/live"
)

// logRead is one restore that reads the log.
type logRead struct {
	entry  *entry
	before int64
	cancel context.CancelFunc

	epoch live.Epoch
	sums  *live.Deltas // nil after an error
	err   error
}

// startReads starts the restores of partitions that are lost, as many as may
// read at a time, and ends those that nobody waits for any more.
func (f *Follower) startReads(ctx context.Context, running *sync.WaitGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	busy := 0
	for _, e := range f.partitions {
		if e.reader != nil && e.phase != reading {
			e.reader.cancel()
			e.reader = nil
		}
		if e.reader != nil {
			busy++
		}
	}
	for _, e := range f.sorted() {
		if e.phase != lost || busy == readers {
			continue
		}
		busy++
		f.logger.Info("live sums of a partition are not complete and are read from the log",
			"partition", e.id, "before", e.end)
		read, cancel := context.WithCancel(ctx)
		r := &logRead{entry: e, before: e.begin(), cancel: cancel}
		e.reader = r
		running.Go(func() {
			defer cancel()
			r.epoch, r.sums, r.err = f.readLog(read, e.id, r.before)
			select {
			case f.results <- r:
			case <-read.Done():
			}
		})
	}
}

// took takes what a restore has read.
func (f *Follower) took(r *logRead) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := r.entry
	if e.reader != r {
		return
	}
	e.reader = nil
	switch {
	case e.phase != reading:
	case r.err != nil:
		f.logger.Error("read live sums from the log; will try again", "partition", e.id, "error", r.err)
		f.metrics.failures.Inc()
		e.lose()
	default:
		e.partition.read(r.epoch, r.before, r.sums)
	}
}
