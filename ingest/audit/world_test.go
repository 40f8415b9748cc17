package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"weir/clickhouse"
	"weir/clickhouse/enginetest"
	"weir/ingest/app"
	"weir/ingest/audit"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/telemetry"
	"weir/schemas"
)

var server *enginetest.Server

func TestMain(m *testing.M) { os.Exit(enginetest.Run(m, &server)) }

// world is a Kafka, a database, an ingest that may run, and a gateway's journal.
type world struct {
	*testing.T
	kafka      eventlog.Config
	clickhouse clickhouse.Config
	db         *clickhouse.DB
	log        *eventlog.Log
	spool      string
	journal    *eventlog.Journal
	logger     *slog.Logger
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &world{
		T: t, kafka: eventlog.DefaultConfig(), clickhouse: clickhouse.DefaultConfig(), spool: filepath.Join(t.TempDir(), "spool"),
		logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	}
	w.kafka.Brokers = cluster.ListenAddrs()
	w.clickhouse.Addr, w.clickhouse.Database = server.Addr(), strings.ToLower(t.Name())
	w.must(clickhouse.Migrate(t.Context(), w.clickhouse))
	w.db, err = clickhouse.Open(w.clickhouse)
	w.must(err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.log, err = eventlog.OpenLog(w.kafka, w.logger)
	w.must(err)
	t.Cleanup(w.log.Close)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// start runs an ingest until the returned function is called, or the test ends.
func (w *world) start() (stop func()) {
	w.Helper()
	o := app.Options{Kafka: w.kafka, ClickHouse: w.clickhouse, Ingest: app.DefaultConfig(), Logger: w.logger}
	o.Ingest.MetricsListen, o.Ingest.FlushInterval = "127.0.0.1:0", 50*time.Millisecond
	ctx, cancel := context.WithCancel(w.Context())
	ingest, err := app.New(ctx, o)
	w.must(err)
	ended := make(chan error, 1)
	go func() { ended <- ingest.Run(ctx) }()
	stopped := false
	stop = func() {
		w.Helper()
		if !stopped {
			stopped = true
			cancel()
			w.must(<-ended)
		}
	}
	w.Cleanup(stop)
	return stop
}

// open opens the gateway's journal on the spool.
func (w *world) open() error {
	state, partitions, err := control.Prepare(w.Context(), w.kafka, w.logger)
	w.must(err)
	w.Cleanup(state.Close)
	c := eventlog.DefaultSpoolConfig()
	c.Dir, c.MaxBytes = w.spool, 64<<20
	w.journal, err = eventlog.OpenJournal(w.Context(), eventlog.JournalOptions{
		Kafka: w.kafka, Spool: c, Partitions: partitions, Retire: state.Retire, Retired: state.Retired,
		Registerer: telemetry.NewRegistry("test"), Logger: w.logger,
	})
	return err
}

func (w *world) close() { _ = w.journal.Close(context.WithoutCancel(w.Context())) }

// begin records the request of a call and returns what completes it.
func (w *world) begin() (complete func()) {
	w.Helper()
	now := time.Now().UnixMicro()
	r := &schemas.RequestReceived{RequestId: schemas.NewRequestID(), OccurredAt: now, Dimensions: &schemas.Dimensions{OrgId: "o", KeyId: "k"}}
	c, err := w.journal.Begin(r, false)
	w.must(err)
	return func() {
		w.Helper()
		w.must(c.Complete(&schemas.ResponseCompleted{RequestId: r.RequestId, OccurredAt: now},
			&schemas.UsageRecorded{RequestId: r.RequestId, OccurredAt: now, Dimensions: r.Dimensions, CostPico: 1}, nil))
	}
}

func (w *world) calls(n int) {
	w.Helper()
	for range n {
		w.begin()()
	}
}

// delivered waits until ingest has committed everything, of at least n records.
func (w *world) delivered(n int64) {
	w.Helper()
	w.eventually(fmt.Sprintf("%d records delivered", n), func() bool {
		_, ends, err := w.log.AllBounds(w.Context(), schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage)
		w.must(err)
		committed, err := w.log.Committed(w.Context(), schemas.GroupIngest)
		w.must(err)
		total := int64(0)
		for id, end := range ends {
			total += end
			if committed[id] < end {
				return false
			}
		}
		return total >= n
	})
}

func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("waited in vain for %s", what)
		}
	}
}

func (w *world) options() audit.Options {
	return audit.Options{Kafka: w.kafka, DB: w.db, OpenAfter: time.Hour, Logger: w.logger}
}

// audit runs one and returns what it found, without what is off by nothing.
func (w *world) audit(change ...func(*audit.Options)) (*audit.Report, map[audit.Kind]uint64) {
	w.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	r, err := audit.Run(w.Context(), o)
	w.must(err)
	return r, found(r)
}

func found(r *audit.Report) map[audit.Kind]uint64 {
	counts := r.Counts()
	for kind, n := range counts {
		if n == 0 {
			delete(counts, kind)
		}
	}
	return counts
}

func (w *world) sql(statement string) []string {
	w.Helper()
	rows, err := server.Query(w.Context(), w.clickhouse.Database, statement)
	w.must(err)
	return rows
}

func full(o *audit.Options) { o.Full = true }
