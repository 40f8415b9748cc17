package eventlog

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// One call's events, spooled and carried into Kafka: what the log costs a call.
func BenchmarkCall(b *testing.B) {
	k := emptyKafka(b)
	if err := EnsureTopics(b.Context(), k, 6, quiet()); err != nil {
		b.Fatal(err)
	}
	s := DefaultSpoolConfig()
	s.Dir = b.TempDir()
	r := &retirements{last: map[string]uint64{}}
	j, err := OpenJournal(b.Context(), JournalOptions{Kafka: k, Spool: s, Partitions: 6, Retire: r.retire, Retired: r.retired,
		Registerer: prometheus.NewRegistry(), Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	req := request()
	resp, u := outcomeOf(req)
	b.ReportAllocs()
	for b.Loop() {
		c, err := j.Begin(req, false)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Complete(resp, u, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := j.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
