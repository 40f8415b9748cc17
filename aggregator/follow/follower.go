package follow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
	"weir/schemas"
)

// Redis is the live state; *live.Store is one.
type Redis interface {
	Positions(ctx context.Context) (map[int32]live.Position, error)
	Apply(ctx context.Context, r live.Range, d *live.Deltas) (refused int, ok bool, err error)
	Begin(ctx context.Context, partition int32) (live.Epoch, error)
	Restore(ctx context.Context, partition int32, at live.Position, sums *live.Deltas) (ok bool, err error)
}

// Log is what restores read; *eventlog.Log is one.
type Log interface {
	Bounds(ctx context.Context, t schemas.Topic, partition int32) (start, end int64, err error)
	OffsetAt(ctx context.Context, t schemas.Topic, partition int32, at time.Time) (int64, error)
	Range(ctx context.Context, t schemas.Topic, partition int32, from, to int64, fn func(*eventlog.Record) error) error
}

// Options of a Follower.
type Options struct {
	Redis      Redis
	Log        Log
	ExtraTags  []string         // as the rollups have them
	Aside      bool             // whether another generation serves: reservations are left to it
	Now        func() time.Time // time.Now when nil
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// How the follower deals with time and memory.
const (
	// pollEvery is how soon a Redis that was emptied or came back is noticed.
	pollEvery = 2 * time.Second
	// applyLimit is the most that a batch waits for Redis; workLimit bounds one
	// write of Run, of a large restore too.
	applyLimit = time.Second
	workLimit  = time.Minute
	// explainLimit is how long a position ahead of the log may stay unexplained:
	// the repeat that explains it comes first after an assignment.
	explainLimit = 30 * time.Second
	// keepSums bounds the sums of a partition that wait for Redis.
	keepSums = 200_000
	// readers is how many restores read the log at a time.
	readers = 2
)

// batch is what the aggregator's batches can say about live sums.
type batch interface{ Deltas() *live.Deltas }

// Follower implements eventlog.Follower. Run must run beside the consumer.
type Follower struct {
	redis     Redis
	log       Log
	extraTags []string
	aside     bool
	now       func() time.Time
	logger    *slog.Logger
	metrics   *metrics
	kick      chan struct{} // wakes Run
	results   chan *logRead // restores that have read the log, or could not

	// writes is held by whoever talks to Redis about a partition's sums.
	writes sync.Mutex

	mu         sync.Mutex // owns what follows; never held during I/O
	partitions map[int32]*entry
	trouble    error // why Redis is not to be used by batches, nil when it is
}

// entry is a partition with what drives it.
type entry struct {
	partition
	since  time.Time // of the assignment
	reader *logRead  // the restore that reads the log, nil when none does
}

// New returns a follower of no partitions. It registers its metrics.
func New(o Options) *Follower {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Follower{
		redis: o.Redis, log: o.Log, extraTags: o.ExtraTags, aside: o.Aside, now: o.Now, logger: o.Logger,
		kick: make(chan struct{}, 1), results: make(chan *logRead),
		partitions: make(map[int32]*entry),
	}
	f.metrics = newMetrics(o.Registerer, f)
	return f
}

// Assigned begins to follow a partition.
func (f *Follower) Assigned(_ context.Context, _ schemas.Topic, partition int32, offset int64) {
	f.mu.Lock()
	f.drop(partition)
	f.partitions[partition] = &entry{partition: assigned(partition, offset), since: f.now()}
	f.mu.Unlock()
	f.wake()
}

// Revoked stops following a partition.
func (f *Follower) Revoked(_ schemas.Topic, partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(partition)
}

// drop forgets a partition and ends its restore. The caller holds mu.
func (f *Follower) drop(partition int32) {
	if e := f.partitions[partition]; e != nil && e.reader != nil {
		e.reader.cancel()
	}
	delete(f.partitions, partition)
}

// Applied carries a batch into Redis, or keeps it for Run when Redis is away or
// busy with something longer.
func (f *Follower) Applied(ctx context.Context, b eventlog.Batch, _ schemas.Topic, partition int32, first, last int64) {
	deltas := b.(batch).Deltas()
	f.mu.Lock()
	e := f.partitions[partition]
	if e == nil {
		f.mu.Unlock()
		return
	}
	e.delivered(first, last+1, deltas, keepSums)
	usable := f.trouble == nil
	f.mu.Unlock()

	if !usable {
		return // Run asks for Redis again by itself
	}
	if !f.writes.TryLock() {
		f.wake()
		return
	}
	defer f.writes.Unlock()
	// The batch is in ClickHouse: a consumer that stops still brings it to Redis.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyLimit)
	defer cancel()
	if err := f.apply(ctx, e); err != nil {
		f.setTrouble(err)
	}
	f.mu.Lock()
	settled := e.phase == following
	f.mu.Unlock()
	if !settled {
		f.wake()
	}
}

// apply brings everything that is due of a partition into Redis. The caller
// holds writes.
func (f *Follower) apply(ctx context.Context, e *entry) error {
	for {
		f.mu.Lock()
		due, flight := e.due(), e.flight
		f.mu.Unlock()
		if due == nil {
			return nil
		}
		refused, ok, err := f.redis.Apply(ctx, *due, flight.deltas)
		if refused > 0 {
			f.metrics.refused.Add(float64(refused))
			f.logger.Error("live sums are past what 64 bits hold and stay as they are",
				"partition", due.Partition, "sums", refused, "first", due.From, "last", due.Next-1)
		}
		if err != nil {
			return err
		}
		f.mu.Lock()
		if e.flight == flight {
			e.applied(ok)
		}
		f.mu.Unlock()
		if ok {
			f.metrics.applied.Inc()
		}
	}
}

// setTrouble notes that Redis cannot be used, or again can.
func (f *Follower) setTrouble(err error) {
	f.mu.Lock()
	before := f.trouble
	f.trouble = err
	f.mu.Unlock()
	switch {
	case err != nil && before == nil:
		f.logger.Warn("live sums wait for Redis", "error", err)
	case err == nil && before != nil:
		f.logger.Info("live sums are written to Redis again")
	}
}

func (f *Follower) wake() {
	select {
	case f.kick <- struct{}{}:
	default: // it is awake already
	}
}

// Check is degraded when live sums lack something: the service serves all the
// same.
func (f *Follower) Check(context.Context) (service.State, map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state, phases := service.OK, make(map[string]int)
	for _, e := range f.partitions {
		phases[e.phase.String()]++
		if e.phase != following {
			state = service.Degraded
		}
	}
	details := map[string]any{"partitions": phases}
	if f.trouble != nil {
		state, details["error"] = service.Degraded, f.trouble.Error()
	}
	return state, details
}
