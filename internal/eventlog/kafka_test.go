package eventlog

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/eventlog/kafkatest"
	"weir/internal/eventlog/spool"
	"weir/schemas"
)

// emptyKafka is a Kafka without topics.
func emptyKafka(t testing.TB) Config {
	t.Helper()
	k := DefaultConfig()
	k.Brokers = kafkatest.Start(t)
	k.SessionTimeout = 2 * kafkatest.MinSession
	return k
}

// startKafka is a Kafka with all topics.
func startKafka(t *testing.T, partitions int32) Config {
	t.Helper()
	k := emptyKafka(t)
	if err := EnsureTopics(deadline(t), k, partitions, quiet()); err != nil {
		t.Fatal(err)
	}
	return k
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

type retirements struct {
	mu   sync.Mutex // owns last
	last map[string]uint64
}

func (r *retirements) retire(_ context.Context, node string, seq uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[node] = seq
	return nil
}

func (r *retirements) retired(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.last[node]
	return ok
}

func journalOptions(t *testing.T, k Config, dir string, r *retirements) JournalOptions {
	s := DefaultSpoolConfig()
	s.Dir, s.MaxBytes, s.Fsync = dir, 64<<20, spool.FsyncNever
	return JournalOptions{Kafka: k, Spool: s, Partitions: 3, Retire: r.retire, Retired: r.retired,
		Registerer: prometheus.NewRegistry(), Logger: quiet()}
}

func openJournal(t *testing.T, o JournalOptions) *Journal {
	t.Helper()
	j, err := OpenJournal(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// kill ends a journal as a kill of its process would: nothing is flushed,
// closed or marked.
func (j *Journal) kill() {
	j.shipping.cancel()
	close(j.stop)
	j.done.Wait()
	_ = j.log.Close(false)
	_ = j.folder.Close()
}

func request() *schemas.RequestReceived {
	return &schemas.RequestReceived{
		RequestId: schemas.NewRequestID(), OccurredAt: time.Now().UnixMicro(),
		Dimensions: &schemas.Dimensions{OrgId: "org", KeyId: "key", RequestedModel: "mock/small", Tags: []string{"a", "b"}},
	}
}

func outcomeOf(r *schemas.RequestReceived) (*schemas.ResponseCompleted, *schemas.UsageRecorded) {
	return &schemas.ResponseCompleted{RequestId: r.RequestId, OccurredAt: r.OccurredAt, Status: 200},
		&schemas.UsageRecorded{RequestId: r.RequestId, OccurredAt: r.OccurredAt, Dimensions: r.Dimensions, Status: 200, CostPico: 42}
}

func call(t *testing.T, j *Journal) string {
	t.Helper()
	r := request()
	c, err := j.Begin(r, false)
	if err != nil {
		t.Error(err)
		return ""
	}
	resp, u := outcomeOf(r)
	if err := c.Complete(resp, u, nil); err != nil {
		t.Error(err)
	}
	return r.RequestId
}

var ledger = []schemas.Topic{schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage}

func newConsumer(t *testing.T, k Config, tab *table) *Consumer {
	t.Helper()
	return NewConsumer(ConsumerOptions{
		Kafka: k, Group: "ingest", Command: "ingest offset", Generation: 1, Topics: ledger, Sink: tab, Progress: tab,
		FlushInterval: 20 * time.Millisecond, FlushRows: 50, DeadLetters: true,
		Registerer: prometheus.NewRegistry(), Logger: quiet(),
	})
}

func run(t *testing.T, c *Consumer) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("consumer: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func sorted(ids []string) []string { s := slices.Clone(ids); slices.Sort(s); return s }

func checkBooks(t *testing.T, tab *table, calls []string) {
	t.Helper()
	for _, topic := range ledger {
		got, err := tab.ids(topic)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, sorted(calls)) {
			t.Errorf("%s: %d requests, want %d", topic, len(got), len(calls))
		}
	}
}
