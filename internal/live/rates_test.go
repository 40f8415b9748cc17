package live

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
)

// rated is a store on a Redis whose clock the test sets.
func rated(t testing.TB) (*Store, *miniredis.Miniredis) {
	server := miniredis.RunT(t)
	server.SetTime(noon)
	c := DefaultConfig()
	c.Addr = server.Addr()
	s := Open(c, 1)
	t.Cleanup(func() { _ = s.Close() })
	return s, server
}

func take(t testing.TB, s *Store, rates ...Rate) []RateState {
	t.Helper()
	states, err := s.TakeRates(t.Context(), "org", rates)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

func TestRates(t *testing.T) {
	s, server := rated(t)
	at := func(d time.Duration) { server.SetTime(noon.Add(d)) }
	want := func(got []RateState, want ...RateState) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	requests := Rate{Key, "k", false, 60, 1}
	tokens := Rate{Org, "", true, 1000, 500}
	want(take(t, s, requests, tokens), RateState{59, time.Second, 0}, RateState{500, 30 * time.Second, 0})
	want(take(t, s, requests, tokens), RateState{58, 2 * time.Second, 0}, RateState{0, time.Minute, 0})
	// Neither is taken from when one has too little.
	want(take(t, s, requests, tokens), RateState{58, 2 * time.Second, 0}, RateState{0, time.Minute, 30 * time.Second})
	at(30 * time.Second)
	want(take(t, s, requests, tokens), RateState{59, time.Second, 0}, RateState{0, time.Minute, 0})
	// The call used 400 less than was taken for it, another 100 more.
	for _, n := range []int64{-400, 100} {
		tokens.Take = n
		if err := s.AdjustRates(t.Context(), "org", []Rate{tokens}); err != nil {
			t.Fatal(err)
		}
	}
	tokens.Take = 301
	want(take(t, s, tokens), RateState{300, 42 * time.Second, 60 * time.Millisecond})
	// More than a minute's worth passes when nothing is used.
	tokens.Take = 5000
	want(take(t, s, tokens), RateState{300, 42 * time.Second, 42 * time.Second})
	at(72 * time.Second)
	want(take(t, s, tokens), RateState{0, time.Minute, 0})
	if ttl := server.TTL("weir:rate:{org}:tokens:org:"); ttl != time.Minute {
		t.Errorf("the state of a limit is kept for %v", ttl)
	}
	tokens.Take = -5000
	if err := s.AdjustRates(t.Context(), "org", []Rate{tokens}); err != nil || server.Exists("weir:rate:{org}:tokens:org:") {
		t.Errorf("the state of an unused limit is still there, %v", err)
	}
}

// What passes is never more than the limit and what comes back of it; the script reckons as the algorithm does.
func TestScriptIsTheAlgorithm(t *testing.T) {
	s, server := rated(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, limit := range []int64{1, 7, 60, 1000, 100_000_000} {
		now, state := noon.UnixMicro(), int64(0)
		rate := Rate{User, strconv.FormatInt(limit, 10), true, limit, 0}
		begin, taken := now, int64(0)
		for range 300 {
			now += rnd.Int64N(3 * minute / 10)
			server.SetTime(time.UnixMicro(now))
			rate.Take = rnd.Int64N(limit + limit/3 + 1)
			next, wait := gcra(limit).take(state, now, rate.Take)
			if wait == 0 {
				state = next
				taken += min(rate.Take, limit)
			}
			want := RateState{gcra(limit).remaining(state, now), time.Duration(max(0, state-now)) * time.Microsecond, time.Duration(wait) * time.Microsecond}
			if diff := cmp.Diff([]RateState{want}, take(t, s, rate)); diff != "" {
				t.Fatalf("limit %d, take %d (-algorithm +script):\n%s", limit, rate.Take, diff)
			}
			if most := limit + (now-begin)*limit/minute; taken > most {
				t.Fatalf("%d passed a limit of %d in %v", taken, limit, time.Duration(now-begin)*time.Microsecond)
			}
			if rate.Take = rnd.Int64N(limit+1) - limit/2; rnd.IntN(4) == 0 {
				state = gcra(limit).adjust(state, now, rate.Take)
				begin, taken = now, 0 // what was corrected is not what was taken
				if err := s.AdjustRates(t.Context(), "org", []Rate{rate}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
