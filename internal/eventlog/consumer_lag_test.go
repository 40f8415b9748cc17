package eventlog

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gauge adds up the series of one metric.
func gauge(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for _, f := range families {
		if f.GetName() == name {
			found = true
			for _, m := range f.GetMetric() {
				sum += m.GetGauge().GetValue()
			}
		}
	}
	if !found {
		t.Fatalf("no metric %s", name)
	}
	return sum
}

// While the table refuses, the metrics say how many records wait and for how
// long, also those that come while the partitions are paused; afterwards none.
func TestTheLagIsMeasuredWhileNothingIsDelivered(t *testing.T) {
	k := startKafka(t, 3)
	ctx := deadline(t)
	j := openJournal(t, journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}}))
	defer func() {
		if err := j.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	var away atomic.Bool
	away.Store(true)
	tab := newTable()
	tab.faults = func() fault {
		if away.Load() {
			return refuses
		}
		return works
	}
	c := newConsumer(t, k, tab)
	c.patience, c.lag.every = 10*time.Millisecond, 10*time.Millisecond
	metrics := c.o.Registerer.(*prometheus.Registry)
	run(t, c)
	wait := func(what string, holds func() bool) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for !holds() {
			select {
			case <-ctx.Done():
				t.Fatalf("waited in vain for %s: %v records, oldest %v s, delivering %v", what,
					gauge(t, metrics, "weir_consumer_lag_records"), gauge(t, metrics, "weir_consumer_undelivered_seconds"), gauge(t, metrics, "weir_consumer_delivering"))
			case <-tick.C:
			}
		}
	}
	const calls = 20
	for range calls {
		call(t, j)
	}
	wait("the lag of all records", func() bool {
		return gauge(t, metrics, "weir_consumer_lag_records") == float64(calls*len(ledger)) &&
			gauge(t, metrics, "weir_consumer_undelivered_seconds") > 0 && gauge(t, metrics, "weir_consumer_delivering") == 0
	})
	for range calls { // the partitions are paused now
		call(t, j)
	}
	wait("the lag of the others", func() bool { return gauge(t, metrics, "weir_consumer_lag_records") == float64(2*calls*len(ledger)) })
	away.Store(false)
	wait("nothing to wait for", func() bool {
		return gauge(t, metrics, "weir_consumer_lag_records") == 0 &&
			gauge(t, metrics, "weir_consumer_undelivered_seconds") == 0 && gauge(t, metrics, "weir_consumer_delivering") == 1
	})
}
