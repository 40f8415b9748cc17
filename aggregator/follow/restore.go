package follow

import (
	"context"
	"fmt"
	"sync"
	"time"

	"weir/aggregator/rollup"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/schemas"
)

// logRead is one restore that reads the log.
type logRead struct {
	entry  *entry
	before int64
	cancel context.CancelFunc

	sums *live.Deltas // nil after an error
	err  error
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
			r.sums, r.err = f.readLog(read, e.id, r.before)
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
		e.partition.read(live.NewEpoch(), r.before, r.sums)
	}
}

// readMargin is more than an event's own clock may be ahead of the log's.
const readMargin = schemas.MaxClockAhead + 5*time.Minute

// readLog adds up what is open, from the log before an offset.
func (f *Follower) readLog(ctx context.Context, partition int32, before int64) (*live.Deltas, error) {
	// Also whatever the follower finds in Redis until then is not to be trusted.
	if err := f.redis.Incomplete(ctx, partition); err != nil {
		return nil, err
	}
	now := f.now()
	from := live.MonthOf(now).Start()
	if hour := now.Add(-live.LatencyKept); hour.Before(from) {
		from = hour
	}
	first, err := f.log.OffsetAt(ctx, schemas.TopicUsage, partition, from.Add(-readMargin))
	if err != nil {
		return nil, fmt.Errorf("find the month's beginning: %w", err)
	}
	var (
		sums = live.OpenAt(now)
		// A repeat whose first copy lies before the range is of a window that is
		// closed, so the filter may begin empty.
		seen  = make(map[string]uint64)
		event schemas.UsageRecorded
	)
	err = f.log.Range(ctx, schemas.TopicUsage, partition, first, before, func(r *eventlog.Record) error {
		if r.Node != "" {
			if r.Seq <= seen[r.Node] {
				return nil
			}
			seen[r.Node] = r.Seq
		}
		event.Reuse()
		if event.UnmarshalVT(r.Value) != nil || schemas.CheckIdentity(&event, r.RequestID, r.Node, r.Seq) != nil {
			return nil // ingest accounts for it
		}
		at, _ := schemas.OccurredAt(event.OccurredAt, r.Appended)
		rollup.AddLive(sums, &event, at, f.extraTags)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sums, nil
}
