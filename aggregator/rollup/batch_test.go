package rollup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/schemas"
)

// noon is in the middle of a day and of a month.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// usage returns a plain event that costs 1.5 pico-dollars a hundredfold.
func usage(at time.Time, change func(*schemas.UsageRecorded)) *schemas.UsageRecorded {
	u := &schemas.UsageRecorded{
		RequestId: "req_1", Node: "node", Seq: 1, OccurredAt: at.UnixMicro(),
		Dimensions: &schemas.Dimensions{
			OrgId: "org", KeyId: "key", Project: "project", GroupId: "group", Endpoint: "chat.completions",
			Policy: "policy", OriginTitle: "title",
		},
		Model: "small", Provider: "mock", Status: 200, Cache: "MISS",
		Tokens:   &schemas.Tokens{Input: 1, CachedInput: 2, CacheWrite: 3, Output: 4, Reasoning: 5},
		CostPico: 150, SavedPico: 7, LatencyUs: 1000, TtftUs: 20,
	}
	if change != nil {
		change(u)
	}
	return u
}

// recordOf is the record that carries an event.
func recordOf(t testing.TB, u *schemas.UsageRecorded, offset int64, appended time.Time) *eventlog.Record {
	t.Helper()
	value, err := u.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return &eventlog.Record{
		Offset: offset, Appended: appended, RequestID: u.RequestId, Node: u.Node, Seq: u.Seq, Value: value,
	}
}

func newBatch(t testing.TB, events ...*schemas.UsageRecorded) *Batch {
	t.Helper()
	b := NewSink(nil, 1, []string{"feature", "team"}).NewBatch(schemas.TopicUsage, 3).(*Batch)
	for i, u := range events {
		r := recordOf(t, u, int64(i), time.UnixMicro(u.OccurredAt))
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		clear(r.Value) // a batch may not hold on to it
	}
	return b
}

func rowsOf(b *Batch) []clickhouse.RollupRow {
	var rows []clickhouse.RollupRow
	for _, bucket := range b.rollup.seal() {
		rows = append(rows, bucket.row())
	}
	return rows
}

var picos = cmp.Comparer(func(a, b clickhouse.Pico) bool { return a == b })

func TestRowsOfOneCall(t *testing.T) {
	u := usage(noon.Add(90*time.Second), func(u *schemas.UsageRecorded) {
		u.Dimensions.UserId = "user"
		u.Dimensions.Tags = []string{"b", "a", "b", "feature=x"}
		u.Dimensions.Extra = map[string]string{"feature": "x", "team": "core", "ignored": "y"}
	})
	b := newBatch(t, u)
	if got, want := b.Rows(), 3*6; got != want {
		t.Errorf("Rows() = %d, want %d", got, want)
	}

	row := clickhouse.RollupRow{
		OrgID: "org", Model: "small", Provider: "mock", Requests: 1,
		InputTokens: 1, CachedInputTokens: 2, CacheWriteTokens: 3, OutputTokens: 4, ReasoningTokens: 5,
		Cost: clickhouse.NewPico(150), Saved: clickhouse.NewPico(7),
		Latency: []clickhouse.BucketCount{{Bucket: schemas.BucketIndex(1000), Count: 1}},
		TTFT:    []clickhouse.BucketCount{{Bucket: schemas.BucketIndex(20), Count: 1}},
	}
	var want []clickhouse.RollupRow
	for _, group := range []struct {
		dimension clickhouse.Dimension
		value     string
	}{
		{clickhouse.ByKey, "key"}, {clickhouse.ByUser, "user"},
		{clickhouse.ByTag, "a"}, {clickhouse.ByTag, "b"}, {clickhouse.ByTag, "feature=x"}, {clickhouse.ByTag, "team=core"},
	} {
		row := row
		row.Dimension, row.Value = group.dimension, group.value
		if group.dimension == clickhouse.ByKey {
			row.Project, row.GroupID, row.Endpoint = "project", "group", "chat.completions"
			row.Policy, row.OriginTitle = "policy", "title"
		}
		for _, at := range []struct {
			resolution clickhouse.Resolution
			bucket     time.Time
		}{{clickhouse.Day, noon.Add(-12 * time.Hour)}, {clickhouse.Hour, noon}, {clickhouse.Minute, noon.Add(time.Minute)}} {
			row.Resolution, row.Bucket = at.resolution, at.bucket
			want = append(want, row)
		}
	}
	if diff := cmp.Diff(want, rowsOf(b), picos); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// What a group of rows must add up to, by what makes the events differ.
func TestRowsAddUp(t *testing.T) {
	midnight := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		events   []*schemas.UsageRecorded
		wantRows map[string]uint64 // dimension/value resolution bucket [error] → requests
		errors   uint64
		hits     uint64
		cost     int64
	}{
		"no user, no tags": {
			events:   []*schemas.UsageRecorded{usage(noon, nil)},
			wantRows: map[string]uint64{"1/key 1 11-22T12:00 ": 1, "1/key 2 11-22T12:00 ": 1, "1/key 3 11-22T00:00 ": 1, "2/ 1 11-22T12:00 ": 1, "2/ 2 11-22T12:00 ": 1, "2/ 3 11-22T00:00 ": 1},
			cost:     150,
		},
		"midnight at a month's end": {
			events: []*schemas.UsageRecorded{usage(midnight.Add(-time.Microsecond), nil), usage(midnight, nil)},
			wantRows: map[string]uint64{
				"1/key 1 11-30T23:59 ": 1, "1/key 2 11-30T23:00 ": 1, "1/key 3 11-30T00:00 ": 1,
				"1/key 1 12-01T00:00 ": 1, "1/key 2 12-01T00:00 ": 1, "1/key 3 12-01T00:00 ": 1,
				"2/ 1 11-30T23:59 ": 1, "2/ 2 11-30T23:00 ": 1, "2/ 3 11-30T00:00 ": 1,
				"2/ 1 12-01T00:00 ": 1, "2/ 2 12-01T00:00 ": 1, "2/ 3 12-01T00:00 ": 1,
			},
			cost: 300,
		},
		"minutes of one hour, the later first": {
			events: []*schemas.UsageRecorded{usage(noon.Add(time.Minute), nil), usage(noon, nil), usage(noon.Add(59*time.Second), nil)},
			wantRows: map[string]uint64{
				"1/key 1 11-22T12:00 ": 2, "1/key 1 11-22T12:01 ": 1, "1/key 2 11-22T12:00 ": 3, "1/key 3 11-22T00:00 ": 3,
				"2/ 1 11-22T12:00 ": 2, "2/ 1 11-22T12:01 ": 1, "2/ 2 11-22T12:00 ": 3, "2/ 3 11-22T00:00 ": 3,
			},
			cost: 450,
		},
		"an error and a cache hit": {
			events: []*schemas.UsageRecorded{
				usage(noon, func(u *schemas.UsageRecorded) { u.ErrorKind, u.CostPico = "timeout", 0 }),
				usage(noon, func(u *schemas.UsageRecorded) { u.Cache = "HIT" }),
			},
			wantRows: map[string]uint64{
				"1/key 1 11-22T12:00 ": 1, "1/key 2 11-22T12:00 ": 1, "1/key 3 11-22T00:00 ": 1,
				"1/key 1 11-22T12:00 timeout": 1, "1/key 2 11-22T12:00 timeout": 1, "1/key 3 11-22T00:00 timeout": 1,
				"2/ 1 11-22T12:00 ": 2, "2/ 2 11-22T12:00 ": 2, "2/ 3 11-22T00:00 ": 2,
			},
			errors: 1, hits: 1, cost: 150,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBatch(t, c.events...)
			if b.Rows() != len(c.wantRows) {
				t.Errorf("Rows() = %d, want %d", b.Rows(), len(c.wantRows))
			}
			got := make(map[string]uint64)
			totals := make(map[[2]int8]clickhouse.RollupRow)
			for _, r := range rowsOf(b) {
				name := fmt.Sprintf("%d/%s %d %s %s", r.Dimension, r.Value, r.Resolution, r.Bucket.Format("01-02T15:04"), r.ErrorKind)
				got[name] += r.Requests
				at := [2]int8{int8(r.Dimension), int8(r.Resolution)}
				sum := totals[at]
				sum.Errors += r.Errors
				sum.CacheHits += r.CacheHits
				sum.Cost.AddPico(r.Cost)
				totals[at] = sum
			}
			if diff := cmp.Diff(c.wantRows, got); diff != "" {
				t.Errorf("requests by row (-want +got):\n%s", diff)
			}
			for at, sum := range totals {
				if sum.Errors != c.errors || sum.CacheHits != c.hits || sum.Cost != clickhouse.NewPico(c.cost) {
					t.Errorf("dimension %d, resolution %d: errors %d, hits %d, cost %v; want %d, %d, %d",
						at[0], at[1], sum.Errors, sum.CacheHits, sum.Cost.Big(), c.errors, c.hits, c.cost)
				}
			}
		})
	}
}

func TestClockThatIsWrong(t *testing.T) {
	appended := noon
	for name, c := range map[string]struct {
		occurred, want time.Time
	}{
		"ahead within bounds": {noon.Add(4 * time.Minute), noon.Add(4 * time.Minute)},
		"too far ahead":       {noon.Add(6 * time.Minute), noon},
		"a month behind":      {noon.Add(-31 * 24 * time.Hour), noon},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBatch(t)
			if err := b.Add(recordOf(t, usage(c.occurred, nil), 0, appended)); err != nil {
				t.Fatal(err)
			}
			if got := rowsOf(b)[2].Bucket; !got.Equal(c.want) {
				t.Errorf("minute %v, want %v", got, c.want)
			}
		})
	}
}

func TestRecordThatCannotBeDecodedChangesNothing(t *testing.T) {
	b := newBatch(t, usage(noon, nil))
	rows, size := b.Rows(), b.Bytes()
	if err := b.Add(&eventlog.Record{Value: []byte("garbage")}); err == nil {
		t.Error("garbage was decoded")
	}
	other := recordOf(t, usage(noon, nil), 1, noon)
	other.Seq++
	if err := b.Add(other); err == nil {
		t.Error("an event that is not what its headers say was counted")
	}
	if b.Rows() != rows || b.Bytes() != size {
		t.Error("garbage changed the batch")
	}
}

// random returns events of a few groups around noon.
func random(seed uint64, n int) []*schemas.UsageRecorded {
	r := rand.New(rand.NewPCG(seed, 0))
	events := make([]*schemas.UsageRecorded, n)
	for i := range events {
		events[i] = usage(noon.Add(time.Duration(r.Int64N(int64(3*time.Hour)))), func(u *schemas.UsageRecorded) {
			d := u.Dimensions
			d.OrgId, d.KeyId = fmt.Sprint("org", r.IntN(2)), fmt.Sprint("key", r.IntN(3))
			d.Project, d.GroupId = []string{"", "p1", "p2"}[r.IntN(3)], []string{"", "g1"}[r.IntN(2)]
			d.MemberId = []string{"", "m1", "m1", "m2"}[r.IntN(4)]
			u.Byok = r.IntN(4) == 0
			u.RequestId, u.Seq = fmt.Sprint("req_", i), uint64(i+1)
			if r.IntN(3) > 0 { // some of them the day before, and some the month before
				u.ReceivedAt = u.OccurredAt - r.Int64N(int64(24*24*time.Hour/time.Microsecond))>>r.IntN(20)
			}
			if r.IntN(3) == 0 {
				u.Budgets = []*schemas.BudgetHold{{BudgetId: "key:lifetime:" + d.KeyId}, {BudgetId: "nonsense"}}
			}
			d.UserId = []string{"", "u1", "u2"}[r.IntN(3)]
			d.Stream = r.IntN(2) == 0
			for range r.IntN(4) {
				d.Tags = append(d.Tags, fmt.Sprint("tag", r.IntN(3)))
			}
			u.Model = fmt.Sprint("model", r.IntN(2))
			u.CostPico = r.Int64N(1e12)
			u.LatencyUs, u.TtftUs = r.Int64N(1e7), r.Int64N(2)*r.Int64N(1e6)
			u.ErrorKind = []string{"", "", "timeout"}[r.IntN(3)]
			u.Cache = []string{"MISS", "HIT"}[r.IntN(2)]
		})
	}
	return events
}

// A repeat must insert the same bytes although Go orders maps anew each time.
func TestRepeatsAreTheSame(t *testing.T) {
	events := random(1, 300)
	want := rowsOf(newBatch(t, events...))
	for range 5 {
		if diff := cmp.Diff(want, rowsOf(newBatch(t, events...)), picos); diff != "" {
			t.Fatalf("rows differ (-first +repeat):\n%s", diff)
		}
	}
}

// Sums over keys and users agree in every resolution, with the events too.
func TestTotalsAgree(t *testing.T) {
	events := random(2, 5000)
	var want clickhouse.Pico
	for _, u := range events {
		want.Add(u.CostPico)
	}
	type total struct {
		cost              clickhouse.Pico
		requests, latency uint64
	}
	totals := make(map[[2]int8]total)
	for _, r := range rowsOf(newBatch(t, events...)) {
		at := [2]int8{int8(r.Dimension), int8(r.Resolution)}
		sum := totals[at]
		sum.cost.AddPico(r.Cost)
		sum.requests += r.Requests
		for _, b := range r.Latency {
			sum.latency += b.Count
		}
		totals[at] = sum
	}
	for _, by := range []clickhouse.Dimension{clickhouse.ByKey, clickhouse.ByUser} {
		for _, resolution := range []clickhouse.Resolution{clickhouse.Minute, clickhouse.Hour, clickhouse.Day} {
			got := totals[[2]int8{int8(by), int8(resolution)}]
			if got.cost != want || got.requests != 5000 || got.latency != 5000 {
				t.Errorf("dimension %d, resolution %d: cost %v, requests %d, latencies %d; want %v, 5000, 5000",
					by, resolution, got.cost.Big(), got.requests, got.latency, want.Big())
			}
		}
	}
}

// Live sums of a batch are those of its events one by one.
func TestDeltasAgreeWithEvents(t *testing.T) {
	events := random(3, 3000)
	want := new(live.Deltas)
	for _, u := range events {
		at := time.UnixMicro(u.OccurredAt)
		AddLive(want, u, at, ReceivedAt(u, at, at), []string{"feature", "team"})
		want.AddUsage(u, false)
	}
	if got := newBatch(t, events...).Deltas(); !got.Equal(want) {
		t.Error("the batch's live sums differ from those of its events")
	}
}

func TestInsertSealsOnce(t *testing.T) {
	store := &recorder{missing: clickhouse.NewRollupBlock(1, 3)}
	b := NewSink(store, 1, nil).NewBatch(schemas.TopicUsage, 3)
	if err := b.Add(recordOf(t, usage(noon, nil), 0, noon)); err != nil {
		t.Fatal(err)
	}
	rows, size := b.Rows(), b.Bytes()
	for range 2 {
		if err := b.Insert(t.Context(), "token"); err != nil {
			t.Fatal(err)
		}
	}
	if len(store.blocks) != 2 || store.blocks[0] != store.blocks[1] || store.blocks[0].Rows() != 6 {
		t.Errorf("inserted %v, want the same block of 6 rows twice", store.blocks)
	}
	if b.Rows() != rows || b.Bytes() != size {
		t.Errorf("sealing changed the size from %d rows, %d bytes to %d, %d", rows, size, b.Rows(), b.Bytes())
	}
	if err := b.Add(recordOf(t, usage(noon, nil), 1, noon)); !errors.Is(err, errSealed) {
		t.Errorf("Add after Insert: %v, want %v", err, errSealed)
	}
	missing, err := b.Missing(t.Context())
	if err != nil || missing == nil {
		t.Fatalf("Missing: %v, %v", missing, err)
	}
	if err := missing.Insert(t.Context(), "token/2"); err != nil || store.blocks[2] != store.missing {
		t.Errorf("inserting what is missing: %v", err)
	}
	store.missing = nil
	if missing, err := b.Missing(t.Context()); err != nil || missing != nil {
		t.Errorf("Missing when all is there: %v, %v", missing, err)
	}
}

type recorder struct {
	blocks  []*clickhouse.RollupBlock
	missing *clickhouse.RollupBlock
}

func (r *recorder) InsertRollups(_ context.Context, _ string, b *clickhouse.RollupBlock) error {
	r.blocks = append(r.blocks, b)
	return nil
}

func (r *recorder) MissingRollups(context.Context, *clickhouse.RollupBlock) (*clickhouse.RollupBlock, error) {
	return r.missing, nil
}

func (r *recorder) HasRollups(context.Context, int, int32, int64) (bool, error) { return false, nil }
