package live

import (
	"context"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
)

// noon is later than any run of a test: a real server deletes what has expired by its own clock.
var noon = time.Date(2096, 11, 22, 12, 0, 0, 0, time.UTC)

// openTest returns a store on an empty Redis: the server whose address is in
// WEIR_TEST_REDIS, which is emptied, or miniredis.
func openTest(t testing.TB) *Store {
	t.Helper()
	c := DefaultConfig()
	if c.Addr = os.Getenv("WEIR_TEST_REDIS"); c.Addr == "" {
		server := miniredis.RunT(t)
		server.SetTime(noon)
		c.Addr = server.Addr()
	}
	s := Open(c, 1)
	t.Cleanup(func() { _ = s.Close() })
	if err := s.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func keySpend(pico int64) *Deltas {
	d := new(Deltas)
	d.AddSpend(noon, "org", Key, "key", pico)
	return d
}

func wantSpend(t *testing.T, s *Store, org string, d Dimension, id string, w Window, want int64) {
	t.Helper()
	got, err := s.Spend(t.Context(), org, d, id, w)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("spend of %s %s %q in %s = %d, want %d", org, d, id, w, got, want)
	}
}

// restore restores a partition up to an offset, under a new epoch.
func restore(t testing.TB, s *Store, partition int32, next int64, d *Deltas) Epoch {
	t.Helper()
	epoch, err := s.Begin(limited(t), partition)
	if err != nil {
		t.Fatal(err)
	}
	again(t, s, partition, Position{epoch, next}, d)
	return epoch
}

// again repeats a restore.
func again(t testing.TB, s *Store, partition int32, at Position, d *Deltas) {
	t.Helper()
	if ok, err := s.Restore(limited(t), partition, at, d); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

func apply(t *testing.T, s *Store, r Range, d *Deltas) (refused int, ok bool) {
	t.Helper()
	refused, ok, err := s.Apply(limited(t), r, d)
	if err != nil {
		t.Fatal(err)
	}
	return refused, ok
}

// Sums pass 2^53 without losing a digit: none of them is Lua's.
func TestSumsAreExactBeyondFloats(t *testing.T) {
	s := openTest(t)
	const start = 1<<53 + 1
	e := restore(t, s, 0, 10, keySpend(start))
	for i := range int64(3) {
		if _, ok := apply(t, s, Range{0, e, 10 + i, 11 + i}, keySpend(1)); !ok {
			t.Fatal("Redis does not stand where it should")
		}
	}
	wantSpend(t, s, "org", Key, "key", DayOf(noon), start+3)
	wantSpend(t, s, "org", Key, "key", WeekOf(noon), start+3)
	wantSpend(t, s, "org", Key, "key", MonthOf(noon), start+3)
	wantSpend(t, s, "org", Key, "key", Lifetime(), start+3)
	wantSpend(t, s, "org", Key, "other", MonthOf(noon), 0)
}

func TestBatchIsAppliedOnce(t *testing.T) {
	s := openTest(t)
	e := restore(t, s, 0, 10, new(Deltas))
	for range 3 {
		if _, ok := apply(t, s, Range{0, e, 10, 20}, keySpend(5)); !ok {
			t.Fatal("Redis does not stand where it should")
		}
	}
	wantSpend(t, s, "org", Key, "key", DayOf(noon), 5)
	got, err := s.Positions(t.Context())
	if diff := cmp.Diff(map[int32]Position{0: {e, 20}}, got); err != nil || diff != "" {
		t.Errorf("positions (-want +got): %v\n%s", err, diff)
	}
}

// A batch cannot make a Redis that lost something look complete.
func TestBatchWithoutItsPosition(t *testing.T) {
	for name, c := range map[string]struct {
		prepare    func(*Store) error
		from, next int64
	}{
		"empty":          {func(s *Store) error { return s.client.FlushAll(t.Context()).Err() }, 10, 20},
		"behind":         {func(*Store) error { return nil }, 11, 20},
		"another epoch":  {func(s *Store) error { restore(t, s, 0, 10, keySpend(1)); return nil }, 10, 20},
		"taken away":     {func(s *Store) error { _, err := s.Begin(t.Context(), 0); return err }, 10, 20},
		"half-way ahead": {func(*Store) error { return nil }, 5, 9},
		"another term":   {func(s *Store) error { return s.client.Del(t.Context(), termKey).Err() }, 11, 20},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t)
			e := restore(t, s, 0, 10, new(Deltas))
			if err := c.prepare(s); err != nil {
				t.Fatal(err)
			}
			before, err := s.Positions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := apply(t, s, Range{0, e, c.from, c.next}, keySpend(5)); ok {
				t.Error("the batch was taken")
			}
			after, err := s.Positions(t.Context())
			if diff := cmp.Diff(before, after); err != nil || diff != "" {
				t.Errorf("positions changed: %v\n%s", err, diff)
			}
		})
	}
}

// What another epoch left behind is not read, however it came there.
func TestRestoreReplaces(t *testing.T) {
	s := openTest(t)
	old := restore(t, s, 0, 10, keySpend(100))
	restore(t, s, 1, 7, keySpend(1000))
	epoch := restore(t, s, 0, 20, keySpend(30))
	wantSpend(t, s, "org", Key, "key", DayOf(noon), 1030)
	if _, ok := apply(t, s, Range{0, old, 10, 15}, keySpend(7)); ok {
		t.Error("a writer of the old epoch was taken")
	}
	if ok, err := s.Restore(limited(t), 0, Position{old, 15}, keySpend(7)); ok || err != nil {
		t.Errorf("a restore of the old epoch was taken: %v", err)
	}
	wantSpend(t, s, "org", Key, "key", DayOf(noon), 1030)
	again(t, s, 0, Position{epoch, 25}, keySpend(40)) // with more
	wantSpend(t, s, "org", Key, "key", DayOf(noon), 1040)
	for partitions, want := range map[int]bool{1: true, 2: true, 3: false} {
		if got, err := s.Restored(t.Context(), partitions); err != nil || got != want {
			t.Errorf("Restored(%d) = %t, %v; want %t", partitions, got, err, want)
		}
	}
}

func TestRestoreOfManyKeys(t *testing.T) {
	s := openTest(t)
	d := new(Deltas)
	for i := range 3*restoreChunk + 1 {
		d.AddSpend(noon, "org", User, strconv.Itoa(i), int64(i+1))
	}
	restore(t, s, 0, 1, d)
	for _, i := range []int64{0, restoreChunk, 3 * restoreChunk} {
		wantSpend(t, s, "org", User, strconv.FormatInt(i, 10), MonthOf(noon), i+1)
	}
}

// Real Redis refuses a sum past int64, miniredis wraps it; neither may reach the
// other sums, and a reader never sees less than there is.
func TestOverflow(t *testing.T) {
	s := openTest(t)
	e := restore(t, s, 0, 1, keySpend(math.MaxInt64))
	d := keySpend(1)
	d.AddSpend(noon, "org", Key, "other", 3)
	if _, ok := apply(t, s, Range{0, e, 1, 2}, d); !ok {
		t.Fatal("the batch was not taken")
	}
	wantSpend(t, s, "org", Key, "key", DayOf(noon), math.MaxInt64)
	wantSpend(t, s, "org", Key, "other", DayOf(noon), 3)

	restore(t, s, 1, 1, keySpend(1))
	wantSpend(t, s, "org", Key, "key", DayOf(noon), math.MaxInt64)
}

// A sum that is not a number must neither hold up the others nor be counted
// twice.
func TestRefusedSumIsReported(t *testing.T) {
	s := openTest(t)
	e := restore(t, s, 0, 1, new(Deltas))
	name := s.names.spend(orgScope("org"), budget{Key, "key", DayOf(noon)})
	if err := s.client.Set(t.Context(), name, "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	refused, ok := apply(t, s, Range{0, e, 1, 2}, keySpend(1))
	if refused != 1 || !ok {
		t.Errorf("refused %d, ok %t; want 1, true", refused, ok)
	}
	wantSpend(t, s, "org", Key, "key", MonthOf(noon), 1)
}

func TestScriptsAreSentAgain(t *testing.T) {
	s := openTest(t)
	e := restore(t, s, 0, 1, keySpend(1))
	for i := range int64(2) {
		if err := s.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		apply(t, s, Range{0, e, 1 + i, 2 + i}, keySpend(1))
	}
	wantSpend(t, s, "org", Key, "key", DayOf(noon), 3)
}

func TestKeysExpire(t *testing.T) {
	s := openTest(t)
	e := restore(t, s, 0, 1, new(Deltas))
	d := keySpend(1)
	d.AddLatency(noon, "mock", "small", false, LatencySums{Calls: 1})
	apply(t, s, Range{0, e, 1, 2}, d)
	for name, want := range map[string]time.Time{
		"weir:1:{org}:spend:key:key:d:2096-11-22":                                 time.Date(2096, 11, 26, 0, 0, 0, 0, time.UTC),
		"weir:1:{org}:spend:key:key:w:2096-11-19":                                 time.Date(2096, 12, 6, 0, 0, 0, 0, time.UTC),
		"weir:1:{org}:spend:key:key:m:2096-11":                                    time.Date(2097, 1, 10, 0, 0, 0, 0, time.UTC),
		"weir:1:{%latency}:" + strconv.FormatInt(noon.Unix(), 10) + ":mock/small": noon.Add(61 * time.Minute),
	} {
		got, err := s.client.ExpireTime(t.Context(), name).Result()
		if err != nil || int64(got/time.Second) != want.Unix() {
			t.Errorf("%s expires at %v, %v; want %v", name, time.Unix(int64(got/time.Second), 0).UTC(), err, want)
		}
	}
	for _, name := range []string{"weir:1:{org}:spend:key:key:l", "weir:1:{org}:epochs"} {
		if got, err := s.client.TTL(t.Context(), name).Result(); err != nil || got != -1 {
			t.Errorf("%s expires in %v, %v; want never", name, got, err)
		}
	}
	if ttl, err := s.client.TTL(t.Context(), "weir:1:{org}:offsets").Result(); err != nil || ttl < keepMonth {
		t.Errorf("offsets are kept for %v, %v", ttl, err)
	}
}

// A sum whose time is over by the server's clock is gone as soon as it is written.
func TestWhatHasExpiredIsGone(t *testing.T) {
	s := openTest(t)
	now, err := s.client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	e := restore(t, s, 0, 1, new(Deltas))
	d := new(Deltas)
	for _, at := range []time.Time{now, now.Add(-2 * time.Hour)} {
		d.AddLatency(at, "mock", "small", false, LatencySums{Calls: 1})
	}
	apply(t, s, Range{0, e, 1, 2}, d)
	for at, want := range map[time.Time]int{now: 1, now.Add(-2 * time.Hour): 0} {
		if got, err := s.Latency(t.Context(), "mock", "small", at); err != nil || len(got) != want {
			t.Errorf("%v before the server's time: %v, %v; want %d minutes", now.Sub(at), got, err, want)
		}
	}
}

func TestLatency(t *testing.T) {
	s := openTest(t)
	e := restore(t, s, 0, 1, new(Deltas))
	f := restore(t, s, 1, 1, new(Deltas))
	for partition := range int32(2) {
		d := new(Deltas)
		d.AddLatency(noon.Add(time.Second), "mock", "small", true, LatencySums{1, 100, 1, 10})
		d.AddLatency(noon.Add(-time.Minute), "mock", "small", false, LatencySums{2, 200, 0, 0})
		d.AddLatency(noon, "mock", "large", false, LatencySums{3, 300, 0, 0})
		apply(t, s, Range{partition, []Epoch{e, f}[partition], 1, 2}, d)
	}
	got, err := s.Latency(t.Context(), "mock", "small", noon.Add(30*time.Second))
	want := []LatencyMinute{
		{Start: noon, Stream: LatencySums{2, 200, 2, 20}},
		{Start: noon.Add(-time.Minute), Plain: LatencySums{4, 400, 0, 0}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("latency (-want +got): %v\n%s", err, diff)
	}
}

// Names of organisations stay apart, and inside their braces.
func TestScopes(t *testing.T) {
	seen := map[string]string{latencyScope: "latency"}
	for _, org := range []string{"", "%", "%latency", "latency", "a}b", "a{b", "a:b", "a%3Ab", "org_1"} {
		scope := orgScope(org)
		if other, taken := seen[scope]; taken {
			t.Errorf("%q and %q are both %q", org, other, scope)
		}
		seen[scope] = org
		for _, c := range scope {
			if c == '{' || c == '}' || c == ':' {
				t.Errorf("%q is %q", org, scope)
			}
		}
	}
}

func TestWindows(t *testing.T) {
	at := time.Date(2096, 12, 31, 23, 59, 59, 0, time.FixedZone("west", -3600)) // 2097 by UTC
	if got := DayOf(at).String() + " " + WeekOf(at).String() + " " + MonthOf(at).String(); got != "d:2097-01-01 w:2096-12-31 m:2097-01" {
		t.Errorf("windows are %s", got)
	}
	if got := MonthOf(noon).End(); !got.Equal(time.Date(2096, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("November ends %v", got)
	}
}

func TestDeltasThatAreOpen(t *testing.T) {
	d := OpenAt(noon)
	for _, at := range []time.Time{noon.AddDate(0, -1, 0), noon.AddDate(0, 0, -1), noon} {
		d.AddSpend(at, "org", Key, "key", 1)
		d.AddLatency(at, "mock", "small", false, LatencySums{Calls: 1})
	}
	want := new(Deltas)
	want.AddSpend(noon, "org", Key, "key", 1)
	for _, w := range []Window{WeekOf(noon), MonthOf(noon), Lifetime(), Lifetime()} { // yesterday's, and last month's
		want.addSpendIn("org", budget{Key, "key", w}, 1)
	}
	want.AddLatency(noon, "mock", "small", false, LatencySums{Calls: 1})
	if !d.Equal(want) || d.Len() != 5 {
		t.Errorf("%d sums are kept, want four windows and one minute", d.Len())
	}
}

// BenchmarkApply is one batch of 300 sums of three organisations.
func BenchmarkApply(b *testing.B) {
	s := openTest(b)
	d := new(Deltas)
	for _, org := range []string{"a", "b", "c"} {
		for i := range 50 {
			d.AddSpend(noon, org, User, strconv.Itoa(i), 1)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e := restore(b, s, 0, 0, new(Deltas))
	next := int64(0)
	for b.Loop() {
		if _, ok, err := s.Apply(ctx, Range{0, e, next, next + 1}, d); !ok || err != nil {
			b.Fatal(ok, err)
		}
		next++
	}
}
