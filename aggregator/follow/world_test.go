package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator/rollup"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/schemas"
)

// now lies half an hour into a month, so that the month, the day and the last
// hour begin at different times.
var now = time.Date(2026, 11, 1, 0, 30, 0, 0, time.UTC)

const worldPartitions = 2

// world is a log, a Redis and a consumer, all of which can fail at any step.
type world struct {
	t      *testing.T
	rand   *rand.Rand
	server *miniredis.Miniredis
	store  *live.Store
	redis  *faulty
	log    memoryLog

	follower  *Follower
	reads     sync.WaitGroup
	ctx       context.Context // of the process that runs now
	stop      context.CancelFunc
	committed [worldPartitions]int64
	intent    [worldPartitions]int64 // the last offset that was announced, or -1
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 7)), server: miniredis.RunT(t)}
	w.server.SetTime(now)
	config := live.DefaultConfig()
	config.Addr, config.Timeout = w.server.Addr(), 10*time.Second // a loaded machine is not a fault
	w.store = live.Open(config, 1)
	t.Cleanup(func() { _ = w.store.Close() })
	w.redis = &faulty{Store: w.store}
	w.redis.left.Store(1 << 40)
	w.server.Server().SetPreHook(w.redis.hook)
	for p := range w.intent {
		w.intent[p] = -1
	}
	w.start()
	t.Cleanup(func() { w.stop(); w.reads.Wait() })
	return w
}

// start is a new process: it knows nothing but what is committed.
func (w *world) start() {
	if w.stop != nil {
		w.stop()
		w.reads.Wait()
	}
	w.ctx, w.stop = context.WithCancel(w.t.Context())
	w.follower = New(Options{
		Redis: w.redis, Log: &w.log, ExtraTags: []string{"feature"},
		Now: func() time.Time { return now }, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	for p := range w.committed {
		w.follower.Assigned(w.ctx, schemas.TopicUsage, int32(p), w.committed[p])
	}
}

// produce appends a few events, and now and then one that is there already.
func (w *world) produce(partition int) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	records := &w.log.partitions[partition]
	for range 1 + w.rand.IntN(5) {
		offset := int64(len(*records))
		appended := now.Add(-45*time.Minute + time.Duration(len(*records))*time.Minute)
		if appended.After(now) {
			appended = now
		}
		if offset > 0 && w.rand.IntN(6) == 0 {
			repeat := (*records)[w.rand.IntN(len(*records))]
			repeat.Offset, repeat.Appended = offset, appended
			*records = append(*records, repeat)
			continue
		}
		occurred := appended.Add(time.Duration(w.rand.IntN(24)-20) * time.Minute)
		w.log.seq++
		u := &schemas.UsageRecorded{
			RequestId: "req_1", Node: "node", Seq: w.log.seq,
			OccurredAt: occurred.UnixMicro(), Model: fmt.Sprint("model", w.rand.IntN(2)), Provider: "mock",
			ReceivedAt: occurred.Add(-time.Duration(w.rand.IntN(10)) * time.Minute).UnixMicro(),
			CostPico:   w.rand.Int64N(1e12), LatencyUs: 1 + w.rand.Int64N(1e6), TtftUs: w.rand.Int64N(2) * 100,
			Dimensions: &schemas.Dimensions{
				OrgId: fmt.Sprint("org", w.rand.IntN(2)), KeyId: fmt.Sprint("key", w.rand.IntN(2)),
				UserId: fmt.Sprint("user", w.rand.IntN(20)), Stream: w.rand.IntN(2) == 0,
				Tags: []string{fmt.Sprint("tag", w.rand.IntN(3))},
			},
		}
		value, err := u.MarshalVT()
		if err != nil {
			w.t.Fatal(err)
		}
		*records = append(*records, eventlog.Record{
			Offset: offset, Appended: appended, RequestID: u.RequestId, Node: u.Node, Seq: u.Seq, Value: value,
		})
	}
}

// deliver does one batch of a partition, the announced one first. It may die
// before it commits.
func (w *world) deliver(p int) {
	first := w.committed[p]
	if w.intent[p] < 0 {
		left := int64(len(w.log.partitions[p])) - first
		if left == 0 {
			return
		}
		w.intent[p] = first + w.rand.Int64N(left)
	}
	w.apply(p)
	if w.rand.IntN(8) == 0 {
		w.start()
		return
	}
	w.committed[p], w.intent[p] = w.intent[p]+1, -1
}

// apply tells the follower that the announced batch is in ClickHouse.
func (w *world) apply(p int) {
	first := w.committed[p]
	batch := rollup.NewSink(nil, 1, []string{"feature"}).NewBatch(schemas.TopicUsage, int32(p))
	for _, r := range w.log.distinct(p, w.intent[p]+1) {
		if r.Offset >= first {
			if err := batch.Add(r); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.follower.Applied(w.ctx, batch, schemas.TopicUsage, int32(p), first, w.intent[p])
}

// poll is one turn of Run; the restores that it begins go on beside it.
func (w *world) poll() {
	f := w.follower
	err := f.step(w.ctx)
	f.setTrouble(err)
	if err == nil {
		f.startReads(w.ctx, &w.reads)
	}
}

// take waits for a restore that reads the log, if there is one.
func (w *world) take() {
	reading := false
	w.follower.each(func(e *entry) { reading = reading || e.reader != nil })
	if !reading {
		return
	}
	select {
	case r := <-w.follower.results:
		w.follower.took(r)
	case <-time.After(10 * time.Second):
		w.t.Fatal("a restore does not end")
	}
}

// settled tells whether Redis should hold exactly what was delivered.
func (w *world) settled() bool {
	positions, err := w.store.Positions(w.ctx)
	if err != nil || len(positions) != worldPartitions {
		return false
	}
	settled := true
	w.follower.each(func(e *entry) {
		settled = settled && e.phase == following && e.flight == nil && positions[e.id] == e.position
	})
	return settled
}

// check compares what readers see with the log before the positions: everything,
// or one sum in so many.
func (w *world) check(oneIn int) {
	w.t.Helper()
	positions, err := w.store.Positions(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	want := make(map[string]int64)
	latency := make(map[string]live.LatencySums)
	for p := range worldPartitions {
		for _, r := range w.log.distinct(p, positions[int32(p)].Next) {
			var u schemas.UsageRecorded
			if err := u.UnmarshalVT(r.Value); err != nil {
				w.t.Fatal(err)
			}
			d, at := u.Dimensions, time.UnixMicro(u.OccurredAt)
			if u.ReceivedAt != 0 {
				at = time.UnixMicro(u.ReceivedAt)
			}
			for _, window := range []live.Window{live.DayOf(at), live.WeekOf(at), live.MonthOf(at), live.Lifetime()} {
				for _, of := range [][2]string{{"org", ""}, {"key", d.KeyId}, {"user", d.UserId}, {"tag", d.Tags[0]}} {
					want[fmt.Sprint(d.OrgId, of, window)] += u.CostPico
				}
			}
			kind := map[bool]string{false: "plain", true: "stream"}[d.Stream]
			name := fmt.Sprint(u.Model, kind, time.UnixMicro(u.OccurredAt).Truncate(time.Minute).Unix())
			sums := latency[name]
			sums.Calls++
			sums.LatencyUS += u.LatencyUs
			if u.TtftUs > 0 {
				sums.TTFTs++
				sums.TTFTUS += u.TtftUs
			}
			latency[name] = sums
		}
	}
	ids := [][2]string{{"org", ""}, {"key", "key0"}, {"key", "key1"}, {"tag", "tag0"}, {"tag", "tag1"}, {"tag", "tag2"}}
	for i := range 20 {
		ids = append(ids, [2]string{"user", fmt.Sprint("user", i)})
	}
	for _, org := range []string{"org0", "org1"} {
		for _, of := range ids {
			for _, window := range []live.Window{live.DayOf(now), live.WeekOf(now), live.MonthOf(now), live.Lifetime()} {
				if w.rand.IntN(oneIn) > 0 {
					continue
				}
				got, err := w.store.Spend(w.ctx, org, live.Dimension(of[0]), of[1], window)
				if name := fmt.Sprint(org, of, window); err != nil || got != want[name] {
					w.t.Fatalf("spend %s = %d, %v; want %d", name, got, err, want[name])
				}
			}
		}
	}
	for _, model := range []string{"model0", "model1"} {
		minutes, err := w.store.Latency(w.ctx, "mock", model, now)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range minutes {
			for kind, got := range map[string]live.LatencySums{"plain": m.Plain, "stream": m.Stream} {
				if name := fmt.Sprint(model, kind, m.Start.Unix()); got != latency[name] {
					w.t.Fatalf("latency %s = %+v, want %+v", name, got, latency[name])
				}
			}
		}
	}
}

// memoryLog is the log: each partition's records by offset.
type memoryLog struct {
	mu         sync.Mutex // owns partitions: restores read beside the test
	partitions [worldPartitions][]eventlog.Record
	seq        uint64
}

func (l *memoryLog) records(partition int32) []eventlog.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partitions[partition]
}

// distinct returns the records before an offset without the repeats.
func (l *memoryLog) distinct(partition int, before int64) []*eventlog.Record {
	var records []*eventlog.Record
	var seen uint64
	for i := range l.partitions[partition][:before] {
		if r := &l.partitions[partition][i]; r.Seq > seen {
			seen = r.Seq
			records = append(records, r)
		}
	}
	return records
}

// Bounds of the other topic are those of an empty one: no call holds a budget.
func (l *memoryLog) Bounds(_ context.Context, topic schemas.Topic, partition int32) (start, end int64, err error) {
	if topic != schemas.TopicUsage {
		return 0, 0, nil
	}
	return 0, int64(len(l.records(partition))), nil
}

func (l *memoryLog) OffsetAt(_ context.Context, _ schemas.Topic, partition int32, at time.Time) (int64, error) {
	for i, r := range l.records(partition) {
		if !r.Appended.Before(at) {
			return int64(i), nil
		}
	}
	return int64(len(l.records(partition))), nil
}

func (l *memoryLog) Range(_ context.Context, _ schemas.Topic, partition int32, from, to int64, fn func(*eventlog.Record) error) error {
	for i := from; i < to; i++ {
		if err := fn(&l.records(partition)[i]); err != nil {
			return err
		}
	}
	return nil
}

var errLost = errors.New("the answer was lost")

// faulty is a Redis that refuses every command once so many were let through,
// and loses answers. What a script calls is not refused: scripts are atomic.
type faulty struct {
	*live.Store
	left  atomic.Int64
	loses atomic.Bool
}

func (f *faulty) hook(c *server.Peer, command string, args ...string) bool {
	switch command {
	case "EVAL", "EVALSHA", "HGETALL", "GET", "SET", "HDEL":
	default:
		return false // called by a script, or by the test
	}
	if f.left.Add(-1) < 0 {
		c.WriteError("ERR refused by the test")
		return true
	}
	return false
}

func (f *faulty) Apply(ctx context.Context, r live.Range, d *live.Deltas) (int, bool, error) {
	refused, ok, err := f.Store.Apply(ctx, r, d)
	if f.loses.Swap(false) && err == nil {
		err = errLost
	}
	return refused, ok, err
}

func (f *faulty) Restore(ctx context.Context, partition int32, at live.Position, sums *live.Deltas) (bool, error) {
	ok, err := f.Store.Restore(ctx, partition, at, sums)
	if f.loses.Swap(false) && err == nil {
		err = errLost
	}
	return ok, err
}
