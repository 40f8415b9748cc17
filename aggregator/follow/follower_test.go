package follow

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/service"
	"weir/schemas"
)

// Whatever fails in whatever order: Redis holds the log before its positions,
// each event once, whenever it is settled, and it settles once all is well.
func TestRedisHoldsTheLog(t *testing.T) {
	var settled atomic.Int64
	t.Cleanup(func() { // the parallel tests have ended
		if settled.Load() < 100 {
			t.Errorf("settled %d times on the way: the test looks at too little", settled.Load())
		}
	})
	for seed := range uint64(24) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			checks := 0
			for range 150 {
				p := w.rand.IntN(worldPartitions)
				switch w.rand.IntN(24) {
				case 0, 1, 2, 3:
					w.produce(p)
				case 4, 5, 6, 7, 8:
					w.deliver(p)
				case 9, 10, 11:
					w.poll()
				case 12, 13:
					w.take()
				case 14:
					w.start()
				case 15:
					w.server.FlushAll()
				case 16:
					w.redis.left.Store(w.rand.Int64N(30))
				case 17:
					w.redis.loses.Store(true)
				case 18:
					w.follower.Revoked(schemas.TopicUsage, int32(p))
					w.follower.Assigned(w.ctx, schemas.TopicUsage, int32(p), w.committed[p])
				default:
					w.redis.left.Store(1 << 40)
					w.poll()
				}
				left := w.redis.left.Swap(1 << 40)
				if w.settled() {
					checks++
					w.check(12)
				}
				w.redis.left.Store(left)
			}

			w.redis.left.Store(1 << 40)
			w.redis.loses.Store(false)
			end := func() int64 { return int64(len(w.log.partitions[0]) + len(w.log.partitions[1])) }
			for turn := 0; !w.settled() || w.committed[0]+w.committed[1] < end(); turn++ {
				if turn > 1000 {
					t.Fatal("does not settle")
				}
				w.deliver(turn % worldPartitions)
				w.poll()
				w.take()
				w.poll()
			}
			w.check(1)
			settled.Add(int64(checks))
		})
	}
}

// Run notices by itself what happens to Redis, and never makes a batch wait for
// a Redis that is away.
func TestRunLooksAfterRedis(t *testing.T) {
	w := newWorld(t, 1)
	running := make(chan error, 1)
	go func() { running <- w.follower.Run(w.ctx) }()
	settle := func(what string) {
		t.Helper()
		deadline := time.After(15 * time.Second)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for !w.settled() {
			select {
			case <-deadline:
				t.Fatalf("%s: Redis is not complete", what)
			case <-tick.C:
			}
		}
		w.check(1)
	}
	health := func() service.State {
		state, _ := w.follower.Check(w.ctx)
		return state
	}
	deliver := func() {
		for p := range worldPartitions {
			w.produce(p)
			w.intent[p] = int64(len(w.log.partitions[p])) - 1
			w.apply(p)
			w.committed[p], w.intent[p] = w.intent[p]+1, -1
		}
	}

	settle("empty at the start")
	deliver()
	settle("after batches")
	if got := health(); got != service.OK {
		t.Errorf("health %s, want ok", got)
	}

	w.server.FlushAll() // and no traffic
	settle("after it was emptied")

	w.server.SetError("LOADING")
	start := time.Now()
	for range 20 {
		deliver()
	}
	if took := time.Since(start); took > 2*applyLimit {
		t.Errorf("batches took %v while Redis was away", took)
	}
	if got := health(); got != service.Degraded {
		t.Errorf("health %s while Redis is away, want degraded", got)
	}
	w.server.SetError("")
	settle("after it came back")

	w.stop()
	if err := <-running; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t, 1)
	registry := prometheus.NewRegistry()
	w.follower.metrics = newMetrics(registry, w.follower)
	w.poll()
	w.take()
	w.take()
	w.poll()
	w.produce(0)
	w.deliver(0)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		m := f.GetMetric()[0]
		got[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	want := map[string]float64{
		"weir_live_redis_usable": 1, "weir_live_partitions_incomplete": 0, "weir_live_waiting_sums": 0,
		"weir_live_applied_batches_total": 1, "weir_live_restores_total": 2,
		"weir_live_restore_failures_total": 0, "weir_live_refused_sums_total": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
