package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"weir/clickhouse"
	"weir/clickhouse/enginetest"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/telemetry"
	"weir/schemas"
)

func TestMain(m *testing.M) {
	enginetest.ServeIfChild()
	os.Exit(m.Run())
}

// world is a Kafka and a ClickHouse that can be killed, with one ingest and one
// journal between them.
type world struct {
	t       *testing.T
	options Options
	dir     string
	server  *enginetest.Server
	journal *eventlog.Journal
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &world{t: t, dir: t.TempDir()}
	w.startServer()
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.options = Options{Kafka: eventlog.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Ingest: DefaultConfig(), Logger: logger}
	w.options.Kafka.Brokers = cluster.ListenAddrs()
	w.options.Ingest.MetricsListen = "127.0.0.1:0"
	w.options.Ingest.FlushInterval = 100 * time.Millisecond
	w.options.ClickHouse.Addr = w.server.Addr()
	if err := clickhouse.Migrate(t.Context(), w.options.ClickHouse); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) startServer() {
	w.t.Helper()
	var err error
	if w.server == nil {
		w.server, err = enginetest.Start(w.t.Context(), w.dir)
	} else {
		w.server, err = w.server.Restart(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.server.Kill)
}

// execute runs a statement, which may be run twice: the engine may have ended with
// the connections of an ingest that was stopped.
func (w *world) execute(statement string) {
	w.t.Helper()
	_, err := w.server.Query(w.t.Context(), w.options.ClickHouse.Database, statement)
	if err != nil && w.server.Ended(5*time.Second) {
		w.server.Kill()
		w.startServer()
		_, err = w.server.Query(w.t.Context(), w.options.ClickHouse.Database, statement)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// startIngest runs an ingest and returns how to stop it and wait for its end.
func (w *world) startIngest() (ingest *App, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ingest, err := New(ctx, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- ingest.Run(ctx) }()
	stopped := false
	stop = func() {
		w.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("ingest ended with %v", err)
		}
	}
	w.t.Cleanup(stop)
	return ingest, stop
}

func (w *world) openJournal() {
	w.t.Helper()
	state, partitions, err := control.Prepare(w.t.Context(), w.options.Kafka, w.options.Logger)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(state.Close)
	spoolConfig := eventlog.DefaultSpoolConfig()
	spoolConfig.Dir, spoolConfig.MaxBytes = filepath.Join(w.t.TempDir(), "spool"), 64<<20
	w.journal, err = eventlog.OpenJournal(w.t.Context(), eventlog.JournalOptions{
		Kafka: w.options.Kafka, Spool: spoolConfig, Partitions: partitions, Retire: state.Retire, Retired: state.Retired,
		Registerer: telemetry.NewRegistry("test"), Logger: w.options.Logger,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.journal.Close(context.WithoutCancel(w.t.Context())) })
}

// call records a whole call that costs one pico-dollar, with its payload.
func (w *world) call() {
	w.t.Helper()
	now := time.Now().UnixMicro()
	r := &schemas.RequestReceived{RequestId: schemas.NewRequestID(), OccurredAt: now, Dimensions: &schemas.Dimensions{OrgId: "o"}}
	c, err := w.journal.Begin(r, true)
	if err != nil {
		w.t.Fatal(err)
	}
	err = c.Complete(
		&schemas.ResponseCompleted{RequestId: r.RequestId, OccurredAt: now},
		&schemas.UsageRecorded{RequestId: r.RequestId, OccurredAt: now, Dimensions: r.Dimensions, CostPico: 1},
		&schemas.PayloadCaptured{RequestId: r.RequestId, OccurredAt: now, ExpiresAt: now + int64(24*time.Hour/time.Microsecond)})
	if err != nil {
		w.t.Fatal(err)
	}
}

// wantCalls waits until every table holds exactly n rows of n calls.
func (w *world) wantCalls(n int) {
	w.t.Helper()
	var statement string
	var want []string
	for _, table := range []string{"requests", "responses", "usage", "payloads"} {
		statement += fmt.Sprintf("SELECT '%s', count(), uniqExact(request_id) FROM %[1]s UNION ALL ", table)
		want = append(want, fmt.Sprintf("%s\t%d\t%[2]d", table, n))
	}
	statement = "SELECT * FROM (" + statement[:len(statement)-len(" UNION ALL ")] + ") ORDER BY 1"
	slices.Sort(want)
	var got []string
	w.eventually(fmt.Sprintf("%d calls", n), func() bool {
		var err error
		got, err = w.server.Query(w.t.Context(), w.options.ClickHouse.Database, statement)
		return err == nil && slices.Equal(got, want)
	}, &got)
}

func (w *world) eventually(what string, holds func() bool, last any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("waited in vain for %s; at last: %v", what, last)
		}
	}
}

func TestEventsBecomeRowsOnceThroughStopsAndKills(t *testing.T) {
	w := newWorld(t)
	// Ingest is up first: it makes the topics, as any service does.
	_, stop := w.startIngest()
	w.openJournal()
	calls := 0
	more := func(n int) {
		for range n {
			w.call()
		}
		calls += n
	}
	more(300)
	w.wantCalls(calls)

	more(300)
	stop() // delivers what it has read
	more(300)
	_, stop = w.startIngest()
	w.wantCalls(calls)

	more(300)
	w.server.Kill()
	more(300)
	w.startServer()
	w.wantCalls(calls)

	w.server.Kill()
	more(300)
	stop() // cannot deliver now, and need not
	w.startServer()
	w.startIngest()
	w.wantCalls(calls)
}

func TestWhatCannotBeDecodedIsDeadAndHoldsNobodyUp(t *testing.T) {
	w := newWorld(t)
	w.openJournal()
	log, err := eventlog.OpenLog(w.options.Kafka, w.options.Logger)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.Append(t.Context(), schemas.TopicUsage, 0, []byte("key"), []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w.call()
	}
	w.startIngest()
	w.wantCalls(20)
	var dead []*schemas.DeadRecord
	w.eventually("a dead record", func() bool {
		_, end, err := log.Bounds(t.Context(), schemas.TopicDead, 0)
		if err != nil || end == 0 {
			return false
		}
		dead = nil
		err = log.Range(t.Context(), schemas.TopicDead, 0, 0, end, func(r *eventlog.Record) error {
			d := new(schemas.DeadRecord)
			dead = append(dead, d)
			return d.UnmarshalVT(r.Value)
		})
		return err == nil
	}, &dead)
	if len(dead) != 1 || dead[0].Topic != string(schemas.TopicUsage) || string(dead[0].Value) != "garbage" || dead[0].Reason == "" {
		t.Errorf("dead records: got %v, want the garbage with its reason", dead)
	}
}

// Whoever runs an audit, a running ingest says what the last one has found.
func TestTheLastAuditIsInTheMetrics(t *testing.T) {
	w := newWorld(t)
	db, err := clickhouse.Open(w.options.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began := time.Unix(1_800_000_000, 0)
	for i, n := range []uint64{9, 4} {
		result := clickhouse.AuditResult{
			Started: began.Add(time.Duration(i) * time.Hour), Finished: began.Add(time.Duration(i)*time.Hour + 2*time.Second), Full: true,
			Findings: map[string]uint64{"row_missing": n}, Acknowledged: map[string]uint64{"hole": n + 1}, Dead: 3, Open: 5, Report: "{}",
		}
		if err := db.SaveAudit(t.Context(), result); err != nil {
			t.Fatal(err)
		}
	}
	ingest, _ := w.startIngest()
	var last string
	for _, want := range []string{
		`weir_audit_findings{kind="row_missing"} 4`, `weir_audit_findings{kind="rollup_differs"} 0`,
		`weir_audit_acknowledged{kind="hole"} 5`, `weir_audit_acknowledged{kind="log_gap"} 0`,
		`weir_audit_last_run_timestamp_seconds 1.800003602e+09`, `weir_audit_duration_seconds 2`,
		`weir_audit_dead_records 3`, `weir_audit_open_calls 5`, `weir_audit_last_full 1`,
	} {
		w.eventually(want, func() bool {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ingest.Addr()+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return false
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			last = string(text)
			return err == nil && strings.Contains(last, want+"\n")
		}, &last)
	}
}

func TestReadiness(t *testing.T) {
	w := newWorld(t)
	ingest, stop := w.startIngest()
	status := func() (code int, state string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ingest.Addr()+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		var body struct {
			Status string `json:"status"`
		}
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, body.Status
	}
	var last string
	w.eventually("ready", func() bool { code, s := status(); last = s; return code == http.StatusOK && s == "ok" }, &last)
	w.server.Kill()
	w.eventually("degraded", func() bool { code, s := status(); last = s; return code == http.StatusOK && s == "degraded" }, &last)
	w.startServer()
	w.eventually("ready again", func() bool { code, s := status(); last = s; return code == http.StatusOK && s == "ok" }, &last)
	stop()
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no brokers":      func(o *Options) { o.Kafka.Brokers = nil },
		"too many rows":   func(o *Options) { o.Ingest.FlushRows = 50_001 },
		"no interval":     func(o *Options) { o.Ingest.FlushInterval = 0 },
		"a bad database":  func(o *Options) { o.ClickHouse.Database = "a-b" },
		"a bad listener":  func(o *Options) { o.Ingest.MetricsListen = "nowhere" },
		"bad compression": func(o *Options) { o.ClickHouse.Compression = "zip" },
	} {
		o := Options{Kafka: eventlog.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Ingest: DefaultConfig(), Logger: slog.New(slog.DiscardHandler)}
		o.Ingest.MetricsListen = "127.0.0.1:0"
		change(&o)
		if _, err := New(t.Context(), o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
