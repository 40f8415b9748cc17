package facts

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/clickhouse"
	"weir/clickhouse/enginetest"
	"weir/internal/eventlog"
	"weir/schemas"
)

var server *enginetest.Server

func TestMain(m *testing.M) { os.Exit(enginetest.Run(m, &server)) }

// appended is Kafka's append time of all records here.
var appended = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newSink(t *testing.T) (sink *Sink, database string) {
	t.Helper()
	cfg := clickhouse.DefaultConfig()
	cfg.Addr, cfg.Database = server.Addr(), "t_"+t.Name()
	if err := clickhouse.Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	db, err := clickhouse.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return NewSink(db), cfg.Database
}

func query(t *testing.T, database, statement string) []string {
	t.Helper()
	lines, err := server.Query(t.Context(), database, statement)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// record is the record of an event, with the headers that its writer gives it.
func record(t *testing.T, topic schemas.Topic, offset int64, e interface {
	schemas.Event
	MarshalVT() ([]byte, error)
}) *eventlog.Record {
	t.Helper()
	value, err := e.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return &eventlog.Record{
		Topic: topic, Partition: 3, Offset: offset, Appended: appended,
		RequestID: e.GetRequestId(), Node: e.GetNode(), Seq: e.GetSeq(), Key: []byte(e.GetRequestId()), Value: value,
	}
}

func usage(seq uint64) *schemas.UsageRecorded {
	return &schemas.UsageRecorded{
		RequestId: fmt.Sprint("req_", seq), Node: "n", Seq: seq, OccurredAt: appended.UnixMicro() - int64(seq),
		Dimensions: &schemas.Dimensions{OrgId: "o", Tags: []string{"a"}, Extra: map[string]string{"x": "1", "y": "2"}},
		CostPico:   int64(seq),
	}
}

func TestEveryTopicHasItsTable(t *testing.T) {
	sink, database := newSink(t)
	for i, topic := range Topics() {
		seq := uint64(i + 1)
		events := map[schemas.Topic]interface {
			schemas.Event
			MarshalVT() ([]byte, error)
		}{
			schemas.TopicRequests:  &schemas.RequestReceived{RequestId: "req_1", Node: "n", Seq: seq, OccurredAt: appended.UnixMicro()},
			schemas.TopicResponses: &schemas.ResponseCompleted{RequestId: "req_1", Node: "n", Seq: seq, OccurredAt: appended.UnixMicro()},
			schemas.TopicUsage:     usage(seq),
			schemas.TopicPayloads: &schemas.PayloadCaptured{RequestId: "req_1", Node: "n", Seq: seq, OccurredAt: appended.UnixMicro(),
				ExpiresAt: time.Now().Add(time.Hour).UnixMicro()},
		}
		has := func() bool {
			t.Helper()
			has, err := sink.HasRows(t.Context(), topic, 3, 0)
			if err != nil {
				t.Fatal(err)
			}
			return has
		}
		if has() {
			t.Errorf("%s: rows before the first", topic)
		}
		b := sink.NewBatch(topic, 3)
		if err := b.Add(record(t, topic, 9, events[topic])); err != nil {
			t.Fatal(err)
		}
		if err := b.Insert(t.Context(), "token"); err != nil {
			t.Fatal(err)
		}
		if !has() {
			t.Errorf("%s: no rows after the first", topic)
		}
		table := strings.TrimPrefix(string(topic), "weir.")
		want := []string{fmt.Sprintf("n\t%d\t3\t9\tfalse", seq)}
		got := query(t, database, "SELECT node, seq, kafka_partition, kafka_offset, clock_skew FROM "+table)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows of %s (-want +got):\n%s", table, diff)
		}
	}
}

func TestWhatCannotBeTakenIsRefusedAndLeavesNothing(t *testing.T) {
	sink := NewSink(nil)
	good := func() *eventlog.Record { return record(t, schemas.TopicUsage, 1, usage(7)) }
	for _, c := range []struct {
		name   string
		change func(*eventlog.Record)
		want   string
	}{
		{"garbage", func(r *eventlog.Record) { r.Value = []byte("{not protobuf}") }, "decode: "},
		{"a cut value", func(r *eventlog.Record) { r.Value = r.Value[:len(r.Value)-1] }, "decode: "},
		{"no value", func(r *eventlog.Record) { r.Value = nil }, "request_id is empty"},
		{"another call's id", func(r *eventlog.Record) { r.RequestID = "req_8" }, `request_id is "req_7", the header says "req_8"`},
		{"another node", func(r *eventlog.Record) { r.Node = "m" }, `node is "n", the header says "m"`},
		{"another seq", func(r *eventlog.Record) { r.Seq = 8 }, "seq is 7, the header says 8"},
		{"another kind of event", func(r *eventlog.Record) {
			r.Value = record(t, r.Topic, 1, &schemas.ResponseCompleted{RequestId: "req_7", Node: "n", Seq: 7, OrgId: "not a message"}).Value
		}, "decode: "},
	} {
		b := sink.NewBatch(schemas.TopicUsage, 3)
		r := good()
		c.change(r)
		if err := b.Add(r); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s…", c.name, err, c.want)
		}
		if b.Rows() != 0 || b.Bytes() != 0 {
			t.Errorf("%s: left %d rows, %d bytes", c.name, b.Rows(), b.Bytes())
		}
		// What was refused leaves no trace in the next row either.
		if err := b.Add(good()); err != nil || b.Rows() != 1 {
			t.Errorf("after %s: got %v and %d rows, want one row", c.name, err, b.Rows())
		}
	}
}

// A value is the consumer's again once Add returns.
func TestABatchKeepsNothingOfTheRecord(t *testing.T) {
	sink, database := newSink(t)
	b := sink.NewBatch(schemas.TopicUsage, 3)
	for seq := range uint64(3) {
		r := record(t, schemas.TopicUsage, int64(seq), usage(seq+1))
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		for i := range r.Value {
			r.Value[i] = '!'
		}
	}
	if err := b.Insert(t.Context(), "token"); err != nil {
		t.Fatal(err)
	}
	want := []string{"req_1\tn\to\t['a']\t{'x':'1','y':'2'}", "req_2\tn\to\t['a']\t{'x':'1','y':'2'}", "req_3\tn\to\t['a']\t{'x':'1','y':'2'}"}
	got := query(t, database, "SELECT request_id, node, org_id, tags, extra FROM usage ORDER BY seq")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestTheClockRule(t *testing.T) {
	sink, database := newSink(t)
	b := sink.NewBatch(schemas.TopicUsage, 3)
	for i, occurred := range []time.Time{appended, appended.Add(schemas.MaxClockAhead), appended.Add(schemas.MaxClockAhead + 1e6), appended.Add(-schemas.MaxClockBehind), appended.Add(-schemas.MaxClockBehind - 1e6)} {
		e := usage(uint64(i + 1))
		e.OccurredAt = occurred.UnixMicro()
		if err := b.Add(record(t, schemas.TopicUsage, int64(i), e)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Insert(t.Context(), "token"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2026-11-22 12:00:00.000000\tfalse", "2026-11-22 12:05:00.000000\tfalse", "2026-11-22 12:00:00.000000\ttrue",
		"2026-10-23 12:00:00.000000\tfalse", "2026-11-22 12:00:00.000000\ttrue",
	}
	got := query(t, database, "SELECT occurred_at, clock_skew FROM usage ORDER BY kafka_offset")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}

func TestMissingIsABatchOfItsOwn(t *testing.T) {
	sink, database := newSink(t)
	all, half := sink.NewBatch(schemas.TopicUsage, 3), sink.NewBatch(schemas.TopicUsage, 3)
	for seq := range uint64(10) {
		r := record(t, schemas.TopicUsage, int64(seq), usage(seq+1))
		if err := all.Add(r); err != nil {
			t.Fatal(err)
		}
		if seq%2 == 0 {
			if err := half.Add(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := half.Insert(t.Context(), "half"); err != nil {
		t.Fatal(err)
	}
	missing, err := all.Missing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if missing == nil || missing.Rows() != 5 || missing.Bytes() == 0 {
		t.Fatalf("missing: got %v, want 5 rows", missing)
	}
	if err := missing.Insert(t.Context(), "all/2"); err != nil {
		t.Fatal(err)
	}
	if missing, err := all.Missing(t.Context()); missing != nil || err != nil {
		t.Errorf("afterwards: got %v, %v, want nothing missing", missing, err)
	}
	want := []string{"10\t10\t0.000000000055\t['a']\t{'x':'1','y':'2'}"}
	got := query(t, database, "SELECT count(), uniqExact(request_id), sum(cost_usd), any(tags), any(extra) FROM usage")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func FuzzAdd(f *testing.F) {
	good, err := usage(7).MarshalVT()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, topic := range Topics() {
			b := NewSink(nil).NewBatch(topic, 0)
			err := b.Add(&eventlog.Record{Topic: topic, Value: value, RequestID: "req_7", Node: "n", Seq: 7, Appended: appended})
			if rows := b.Rows(); (err == nil) != (rows == 1) {
				t.Fatalf("%s: error %v and %d rows", topic, err, rows)
			}
		}
	})
}

// BenchmarkAdd is what a record costs from its bytes to the columns.
func BenchmarkAdd(b *testing.B) {
	e := usage(7)
	e.Dimensions = &schemas.Dimensions{
		OrgId: "org_default", Project: "project", KeyId: "key_dev", UserId: "user-1234", Tags: []string{"prod", "team"},
		Extra: map[string]string{"feature": "chat"}, Endpoint: "chat.completions", RequestedModel: "openai/gpt-4o-mini",
	}
	e.Model, e.Provider, e.Tokens, e.PriceVersion = "gpt-4o-mini", "openai", &schemas.Tokens{Input: 100, Output: 50}, "2026-11-01"
	value, err := e.MarshalVT()
	if err != nil {
		b.Fatal(err)
	}
	r := &eventlog.Record{Topic: schemas.TopicUsage, RequestID: e.RequestId, Node: e.Node, Seq: e.Seq, Value: value, Appended: appended}
	sink := NewSink(nil)
	sink.sizes.usage.Store(50_000) // as after the first full batch
	batch := sink.NewBatch(schemas.TopicUsage, 0)
	b.ReportAllocs()
	for b.Loop() {
		if batch.Rows() == 50_000 {
			batch = sink.NewBatch(schemas.TopicUsage, 0)
		}
		if err := batch.Add(r); err != nil {
			b.Fatal(err)
		}
	}
}
