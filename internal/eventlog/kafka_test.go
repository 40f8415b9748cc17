package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"weir/internal/eventlog/spool"
	"weir/schemas"
)

// startKafka is a broker with all topics.
func startKafka(t *testing.T, partitions int32) (*kfake.Cluster, Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	k := DefaultConfig()
	k.Brokers = cluster.ListenAddrs()
	k.SessionTimeout = 2 * time.Second
	if err := EnsureTopics(deadline(t), k, partitions, quiet()); err != nil {
		t.Fatal(err)
	}
	return cluster, k
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

// table stands for a ClickHouse table of facts: it remembers tokens and rows,
// and fails in the ways that the real one does.
type table struct {
	mu     sync.Mutex // owns the rest
	tokens map[string]bool
	rows   map[string]int // "topic/partition/offset" → times inserted
	faults func() fault   // nil for none
	saved  map[string]checkpointRow
}

type fault int

const (
	works     fault = iota
	refuses         // nothing lands, an error is reported
	landsLate       // the rows land, an error is reported
	losesRows       // the token lands without its rows, an error is reported
)

type checkpointRow struct {
	offset int64
	seen   map[string]uint64
}

func newTable() *table {
	return &table{tokens: map[string]bool{}, rows: map[string]int{}, saved: map[string]checkpointRow{}}
}

type tableBatch struct {
	t    *table
	rows []string
}

func (t *table) NewBatch(schemas.Topic, int32) Batch { return &tableBatch{t: t} }

func (t *table) HasRows(_ context.Context, topic schemas.Topic, n int32) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for row := range t.rows {
		if strings.HasPrefix(row, fmt.Sprintf("%s/%d/", topic, n)) {
			return true, nil
		}
	}
	return false, nil
}

func (b *tableBatch) Add(r *Record) error {
	if string(r.Value) == "garbage" {
		return errors.New("not an event")
	}
	b.rows = append(b.rows, fmt.Sprintf("%s/%d/%d/%s", r.Topic, r.Partition, r.Offset, r.RequestID))
	return nil
}

func (b *tableBatch) Rows() int  { return len(b.rows) }
func (b *tableBatch) Bytes() int { return 100 * len(b.rows) }

var errInsert = errors.New("connection reset")

func (b *tableBatch) Insert(_ context.Context, token string) error {
	b.t.mu.Lock()
	defer b.t.mu.Unlock()
	f := works
	if b.t.faults != nil {
		f = b.t.faults()
	}
	if f == refuses {
		return errInsert
	}
	if !b.t.tokens[token] {
		b.t.tokens[token] = true
		if f != losesRows {
			for _, r := range b.rows {
				b.t.rows[r]++
			}
		}
	}
	if f != works {
		return errInsert
	}
	return nil
}

func (b *tableBatch) Missing(context.Context) (Batch, error) {
	b.t.mu.Lock()
	defer b.t.mu.Unlock()
	var lacks []string
	for _, r := range b.rows {
		if b.t.rows[r] == 0 {
			lacks = append(lacks, r)
		}
	}
	if lacks == nil {
		return nil, nil
	}
	return &tableBatch{b.t, lacks}, nil
}

func (t *table) Save(_ context.Context, at Position, seen map[string]uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	copied := map[string]uint64{}
	for n, s := range seen {
		copied[n] = s
	}
	t.saved[fmt.Sprintf("%s/%d/%020d", at.Topic, at.Partition, at.Offset)] = checkpointRow{at.Offset, copied}
	return nil
}

func (t *table) Newest(_ context.Context, at Position) (int64, map[string]uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	best := checkpointRow{0, map[string]uint64{}}
	for key, row := range t.saved {
		if strings.HasPrefix(key, fmt.Sprintf("%s/%d/", at.Topic, at.Partition)) && row.offset <= at.Offset && row.offset >= best.offset {
			best = checkpointRow{row.offset, map[string]uint64{}}
			for n, s := range row.seen {
				best.seen[n] = s
			}
		}
	}
	return best.offset, best.seen, nil
}

// hasAll waits until the table holds want rows of every ledger topic.
func (t *table) hasAll(ctx context.Context, want int) error {
	for _, topic := range ledger {
		if err := t.has(ctx, topic, want); err != nil {
			return err
		}
	}
	return nil
}

// has waits until the table holds want rows of a topic.
func (t *table) has(ctx context.Context, topic schemas.Topic, want int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := t.count(topic); got >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has %d rows, want %d", topic, t.count(topic), want)
		case <-tick.C:
		}
	}
}

func (t *table) count(topic schemas.Topic) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for row := range t.rows {
		if strings.HasPrefix(row, string(topic)+"/") {
			n++
		}
	}
	return n
}

// ids returns the request ids of a topic's rows, an error when a row is there twice.
func (t *table) ids(topic schemas.Topic) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for row, times := range t.rows {
		if rest, ok := strings.CutPrefix(row, string(topic)+"/"); ok {
			if times != 1 {
				return nil, fmt.Errorf("row %s was inserted %d times", row, times)
			}
			ids = append(ids, rest[strings.LastIndexByte(rest, '/')+1:])
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		return nil, fmt.Errorf("a request is in %s twice", topic)
	}
	return ids, nil
}

var ledger = []schemas.Topic{schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage}

func newConsumer(t *testing.T, k Config, tab *table) *Consumer {
	t.Helper()
	c, err := NewConsumer(ConsumerOptions{
		Kafka: k, Group: "ingest", Command: "ingest offset", Generation: 1, Topics: ledger, Sink: tab, Progress: tab,
		FlushInterval: 20 * time.Millisecond, FlushRows: 50, DeadLetters: true,
		Registerer: prometheus.NewRegistry(), Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
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

func TestEveryCallArrivesOnce(t *testing.T) {
	_, k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	tab := newTable()
	stop := run(t, newConsumer(t, k, tab))
	j := openJournal(t, o)
	var mu sync.Mutex
	var calls []string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				id := call(t, j)
				mu.Lock()
				calls = append(calls, id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	stop()
	checkBooks(t, tab, calls)

	// A clean close goes on under the same node, at the next seq.
	node, seq := j.Node(), j.seq
	j = openJournal(t, o.withRegistry())
	if j.Node() != node || j.seq != seq {
		t.Errorf("after a clean close: node %s seq %d, want %s %d", j.Node(), j.seq, node, seq)
	}
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

func (o JournalOptions) withRegistry() JournalOptions {
	o.Registerer = prometheus.NewRegistry()
	return o
}

func TestAKilledGatewaysSpoolIsDrainedAndItsOpenCallsClosed(t *testing.T) {
	for _, mode := range []spool.Fsync{spool.FsyncNever, spool.FsyncAlways} {
		t.Run(string(mode), func(t *testing.T) {
			_, k := startKafka(t, 3)
			r := &retirements{last: map[string]uint64{}}
			o := journalOptions(t, k, t.TempDir(), r)
			o.Spool.Fsync = mode
			tab := newTable()
			run(t, newConsumer(t, k, tab))
			var calls, open []string
			var nodes []string
			for range 4 {
				j := openJournal(t, o.withRegistry())
				nodes = append(nodes, j.Node())
				for range 20 {
					calls = append(calls, call(t, j))
				}
				for range 3 {
					req := request()
					if _, err := j.Begin(req, false); err != nil {
						t.Fatal(err)
					}
					calls, open = append(calls, req.RequestId), append(open, req.RequestId)
				}
				j.kill()
			}
			j := openJournal(t, o.withRegistry())
			calls = append(calls, call(t, j))
			if err := j.Close(deadline(t)); err != nil {
				t.Fatal(err)
			}
			if err := tab.hasAll(deadline(t), len(calls)); err != nil {
				t.Fatal(err)
			}
			checkBooks(t, tab, calls)
			for i, n := range nodes {
				if mode == spool.FsyncAlways {
					if n != nodes[0] || r.retired(n) {
						t.Errorf("start %d: node %s, want the first, not retired", i, n)
					}
				} else if !r.retired(n) || r.last[n] == 0 || i > 0 && n == nodes[i-1] {
					t.Errorf("start %d: node %s is not retired at its last seq", i, n)
				}
			}
			if len(open) != 12 {
				t.Fatal("test is wrong")
			}
		})
	}
}

// An open call whose request was acknowledged long ago, in an earlier segment,
// is still closed.
func TestOpenCallsOfEarlierSegmentsAreClosed(t *testing.T) {
	_, k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	o.Spool.MaxBytes = 8 << 20 // segments of 1 MiB
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	j := openJournal(t, o)
	long := request()
	if _, err := j.Begin(long, false); err != nil {
		t.Fatal(err)
	}
	calls := []string{long.RequestId}
	ctx := deadline(t)
	for j.log.End().Segment < 3 {
		req := request()
		req.Dimensions.Extra = map[string]string{"x": strings.Repeat("y", 20_000)}
		c, err := j.Begin(req, false)
		if errors.Is(err, ErrSpoolFull) {
			j.waitShipped(ctx)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		resp, u := outcomeOf(req)
		if err := c.Complete(resp, u, nil); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, req.RequestId)
	}
	j.waitShipped(ctx)
	j.kill()
	j = openJournal(t, o.withRegistry())
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(ctx, len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

func TestAFullSpoolRefusesNewCallsAndRecordsOpenOnes(t *testing.T) {
	k := DefaultConfig()
	k.Brokers = []string{"127.0.0.1:1"} // nobody there
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	o.Spool.MaxBytes = 8 << 20
	j := openJournal(t, o)
	type openCall struct {
		c *Call
		r *schemas.RequestReceived
	}
	var open []openCall
	for {
		req := request()
		c, err := j.Begin(req, true)
		if err != nil {
			if !errors.Is(err, ErrSpoolFull) {
				t.Fatal(err)
			}
			break
		}
		open = append(open, openCall{c, req})
	}
	if len(open) < 10 {
		t.Fatalf("%d calls", len(open))
	}
	for _, o := range open {
		resp, u := outcomeOf(o.r)
		p := &schemas.PayloadCaptured{RequestId: o.r.RequestId, Request: make([]byte, 300<<10), Response: make([]byte, 600<<10)}
		if err := o.c.Complete(resp, u, p); err != nil {
			t.Fatal(err)
		}
		if !p.ResponseTruncated || p.SizeVT() > maxEventBytes {
			t.Fatal("payload was not bounded")
		}
		if err := o.c.Complete(resp, u, nil); err == nil {
			t.Fatal("a call got two outcomes")
		}
	}
	resp, u := outcomeOf(request())
	if err := j.Refuse(request(), resp, u); err != nil && !errors.Is(err, ErrSpoolFull) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// The whole way under faults on every side: the rows of a table that refuses,
// lands late or loses what it acknowledged a token for; consumers that are
// killed and started, two at a time; a gateway that is killed.
func TestNothingLostNothingTwiceUnderFaults(t *testing.T) {
	_, k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	tab := newTable()
	random := rand.New(rand.NewSource(7))
	tab.faults = func() fault { // called under the table's lock
		if n := random.Intn(10); n < 3 {
			return fault(n + 1)
		}
		return works
	}
	run(t, newConsumer(t, k, tab))
	var calls []string
	for range 5 {
		doomed := newConsumer(t, k, tab)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = doomed.Run(ctx) }() // its death is the point
		j := openJournal(t, o.withRegistry())
		for range 150 {
			calls = append(calls, call(t, j))
		}
		req := request()
		if _, err := j.Begin(req, false); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, req.RequestId)
		if err := tab.has(deadline(t), schemas.TopicUsage, len(calls)/3); err != nil {
			t.Fatal(err)
		}
		j.kill()
		doomed.client.CloseAllowingRebalance()
		cancel()
		<-ended
	}
	j := openJournal(t, o.withRegistry())
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

func TestAnUndecodableRecordGoesToTheDeadTopicAndHoldsNobodyUp(t *testing.T) {
	_, k := startKafka(t, 3)
	ctx := deadline(t)
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	for _, v := range []string{"fine", "garbage", "fine too"} {
		if _, err := log.Append(ctx, schemas.TopicUsage, 1, []byte("key"), []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.has(ctx, schemas.TopicUsage, 2); err != nil {
		t.Fatal(err)
	}
	found := errors.New("found")
	err = log.Tail(ctx, schemas.TopicDead, 0, 0, func(r *Record) error {
		d := &schemas.DeadRecord{}
		if err := d.UnmarshalVT(r.Value); err != nil {
			return err
		}
		if d.Topic != string(schemas.TopicUsage) || d.Partition != 1 || d.Offset != 1 || string(d.Value) != "garbage" || d.Reason != "not an event" {
			return fmt.Errorf("dead record %v", d)
		}
		return found
	})
	if !errors.Is(err, found) {
		t.Fatal(err)
	}
}

func TestRowsWithoutACommittedOffsetStopTheConsumer(t *testing.T) {
	_, k := startKafka(t, 1)
	tab := newTable()
	tab.rows["weir.usage/0/5/req_x"] = 1
	err := newConsumer(t, k, tab).Run(deadline(t))
	if err == nil || !strings.Contains(err.Error(), "no committed offset") || !strings.Contains(err.Error(), "ingest offset --topic weir.usage --partition 0 --to") {
		t.Fatalf("Run = %v", err)
	}
}

func TestAnExpiringLedgerTopicIsRefused(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, string(schemas.TopicUsage)))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	k := DefaultConfig()
	k.Brokers = cluster.ListenAddrs()
	err = EnsureTopics(deadline(t), k, 3, quiet())
	if err == nil || !strings.Contains(err.Error(), "weir.usage has") || !strings.Contains(err.Error(), "kafka-configs") {
		t.Fatalf("EnsureTopics = %v", err)
	}
}

func TestRangeAndOffsetAt(t *testing.T) {
	_, k := startKafka(t, 1)
	ctx := deadline(t)
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for i := range 10 {
		if _, err := log.Append(ctx, schemas.TopicUsage, 0, nil, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	if err := log.Range(ctx, schemas.TopicUsage, 0, 3, 7, func(r *Record) error { got = append(got, r.Value...); return nil }); err != nil {
		t.Fatal(err)
	}
	if string(got) != "\x03\x04\x05\x06" {
		t.Errorf("range = %v", got)
	}
	for at, want := range map[time.Time]int64{time.Now().Add(-time.Hour): 0, time.Now().Add(time.Hour): 10} {
		if o, err := log.OffsetAt(ctx, schemas.TopicUsage, 0, at); err != nil || o != want {
			t.Errorf("OffsetAt(%v) = %d, %v, want %d", at, o, err, want)
		}
	}
}

// After a loss of power the spool may have lost what Kafka has: outcomes are not
// written a second time, requests that only Kafka knows are closed, and the node
// ends at the seq that Kafka has.
func TestAPowerLossIsCompletedFromKafka(t *testing.T) {
	_, k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	dir := t.TempDir()
	o := journalOptions(t, k, dir, r)
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	j := openJournal(t, o)
	calls := []string{call(t, j)}
	outlived := request() // its request survives on the spool, its outcome only in Kafka
	c, err := j.Begin(outlived, false)
	if err != nil {
		t.Fatal(err)
	}
	survives := j.log.End()
	resp, u := outcomeOf(outlived)
	if err := c.Complete(resp, u, nil); err != nil {
		t.Fatal(err)
	}
	unknown := request() // only Kafka knows of it, and it has no outcome
	if _, err := j.Begin(unknown, false); err != nil {
		t.Fatal(err)
	}
	calls = append(calls, outlived.RequestId, unknown.RequestId)
	if err := tab.has(deadline(t), schemas.TopicRequests, 3); err != nil {
		t.Fatal(err)
	}
	if err := tab.has(deadline(t), schemas.TopicUsage, 2); err != nil {
		t.Fatal(err)
	}
	node, seq := j.node, j.seq
	j.kill()
	segment, err := filepath.Glob(filepath.Join(dir, node, "*.segment"))
	if err != nil || len(segment) != 1 {
		t.Fatal(segment, err)
	}
	if err := os.Truncate(segment[0], survives.Offset); err != nil {
		t.Fatal(err)
	}
	if err := j.folder.Mark(node, markMeta, []byte(`{"fsync":"never","boot_id":"an earlier boot"}`)); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, o.withRegistry())
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
	if r.last[node] != seq {
		t.Errorf("node retired at %d, want %d", r.last[node], seq)
	}
}

func TestTheOffsetOfAStoppedGroupCanBeSet(t *testing.T) {
	_, k := startKafka(t, 1)
	ctx := deadline(t)
	tab := newTable()
	tab.rows["weir.usage/0/5/req_x"] = 1
	if err := newConsumer(t, k, tab).Run(ctx); err == nil {
		t.Fatal("a consumer without offsets began")
	}
	for _, topic := range ledger {
		for to, want := range map[string]string{"earliest": "", "0": "", "1": "outside", "x": "neither"} {
			_, err := SetOffset(ctx, k, "ingest", topic, 0, to, quiet())
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("SetOffset(%s, %s) = %v", topic, to, err)
			}
		}
	}
	j := openJournal(t, journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}}))
	run(t, newConsumer(t, k, tab))
	j.partitions = 1
	call(t, j)
	if err := tab.has(ctx, schemas.TopicResponses, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := SetOffset(ctx, k, "ingest", schemas.TopicUsage, 0, "earliest", quiet()); err == nil || !strings.Contains(err.Error(), "members") {
		t.Errorf("offset of a running group was set: %v", err)
	}
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
}
