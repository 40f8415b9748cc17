package admission

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/internal/control"
	"weir/internal/live"
	"weir/schemas"
)

func verdict(v live.Verdict) func(live.Claim) (live.Grant, error) {
	return func(c live.Claim) (live.Grant, error) { return live.Grant{Pico: c.Want, Verdict: v}, nil }
}

func TestReserveAndSettle(t *testing.T) {
	w := newWorld(t)
	p := w.enter(t, t.Context(), caller(daily(1e12)))
	var claimed live.Claim
	w.redis.grant = func(c live.Claim) (live.Grant, error) {
		claimed = c
		return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
	}
	if e := p.Reserve(t.Context()); e != nil {
		t.Fatal(e)
	}
	input := p.bound.Input() * 2e6
	want := live.Claim{Org: "org", RequestID: "req_1", Holds: []live.Hold{{Dimension: live.Key, ID: "k", Window: live.DayOf(noon), Limit: 1e12}},
		Want: input + 100*20e6, Least: input + 16*20e6}
	if diff := cmp.Diff(want, claimed, cmp.AllowUnexported(live.Window{})); diff != "" {
		t.Errorf("claim (-want +got):\n%s", diff)
	}
	if h := headers(p); p.Lowered() != 0 || len(h) > 0 {
		t.Errorf("lowered to %d, %v", p.Lowered(), h)
	}
	if got := p.Within(genai.Usage{Prompt: 1e6, Completion: 101}); got != (genai.Usage{Prompt: p.bound.Input(), Completion: 100, Total: p.bound.Input() + 100}) {
		t.Errorf("an estimate within the bound is %+v", got)
	}
	p.Settle(5, 10, 3)
	p.Settle(0, 0, 0)
	if diff := cmp.Diff([]int64{5}, w.redis.settled); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
}

// What is granted is less than was wanted: the output limit is lowered.
func TestLowering(t *testing.T) {
	w := newWorld(t)
	p := w.enter(t, t.Context(), caller(daily(1e12)))
	w.redis.grant = func(c live.Claim) (live.Grant, error) {
		return live.Grant{Pico: c.Least + 20e6*4 + 1, Verdict: live.Admitted}, nil
	}
	if e := p.Reserve(t.Context()); e != nil || p.Lowered() != 20 {
		t.Fatalf("lowered to %d, %v", p.Lowered(), e)
	}
	want := "the output limit was lowered from 100 to 20 tokens, which is what a budget has room for"
	if got := headers(p).Get("x-requesty-warnings"); got != want {
		t.Errorf("warns %q", got)
	}
}

// A limit that no reservation could pass is claimed as far as it goes.
func TestClaimWantsNoMoreThanABudgetHas(t *testing.T) {
	w := newWorld(t)
	for limit, want := range map[int64]func(live.Claim) int64{
		1e9: func(live.Claim) int64 { return 1e9 },
		1:   func(c live.Claim) int64 { return c.Least },
	} {
		if c := w.enter(t, t.Context(), caller(daily(limit))).claim; c.Want != want(c) {
			t.Errorf("of %d: claims %d, at least %d", limit, c.Want, c.Least)
		}
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	balance := &control.Caller{Key: &schemas.ApiKey{KeyId: "k"}, Org: &schemas.Organization{OrgId: "org", Prepaid: true}}
	refused := func(c *control.Caller, grant func(live.Claim) (live.Grant, error)) *apierror.Error {
		w.redis.grant = grant
		p := w.enter(t, t.Context(), c)
		e := p.Reserve(t.Context())
		p.Settle(0, 0, 1)
		return e
	}
	e := refused(caller(daily(2e12)), verdict(live.Spent))
	wantError(t, e, apierror.BudgetExceeded, 412)
	if want := "The daily spend limit of the API key (2 USD) is used up, or what is left of it is less than the call may cost at the least."; e.Message != want {
		t.Errorf("says %q", e.Message)
	}
	wantError(t, refused(balance, verdict(live.Spent)), apierror.BalanceUsedUp, 402)
	away := func(live.Claim) (live.Grant, error) { return live.Grant{}, errors.New("away") }
	wantError(t, refused(caller(daily(1)), verdict(live.Lost)), apierror.BudgetsAway, 503)
	wantError(t, refused(caller(daily(1)), away), apierror.BudgetsAway, 503)
	if len(w.redis.settled) > 0 {
		t.Errorf("settled %v, which was never reserved", w.redis.settled)
	}
	w.Serve = true
	if e := refused(caller(daily(1)), away); e != nil {
		t.Errorf("without Redis, served by configuration: %v", e)
	}
}

// Others' reservations are waited for, up to two seconds.
func TestWaiting(t *testing.T) {
	for name, f := range map[string]struct {
		frees  time.Duration // when there is room again; 0 never
		leaves time.Duration // when the client goes away; 0 never
		kind   apierror.Kind
		took   time.Duration
	}{
		"freed":           {frees: 700 * time.Millisecond, took: 700 * time.Millisecond},
		"never freed":     {kind: apierror.BudgetBusy, took: 2 * time.Second},
		"the client left": {leaves: 300 * time.Millisecond, kind: apierror.ClientDisconnected, took: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var room atomic.Bool
				w.redis.grant = func(c live.Claim) (live.Grant, error) {
					if room.Load() {
						return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
					}
					return live.Grant{Verdict: live.Busy}, nil
				}
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				if f.frees > 0 {
					time.AfterFunc(f.frees, func() { room.Store(true); w.redis.free() })
				}
				if f.leaves > 0 {
					time.AfterFunc(f.leaves, leave)
				}
				p := w.enter(t, ctx, caller(daily(1e12)))
				start := time.Now()
				e := p.Reserve(ctx)
				if took := time.Since(start); took != f.took {
					t.Errorf("waited %v, want %v", took, f.took)
				}
				if kind := apierror.Kind(""); e != nil || f.kind != "" {
					if e != nil {
						kind = e.Kind
					}
					if kind != f.kind || kind == apierror.BudgetBusy && (e.Status != 429 || e.RetryAfter == "") {
						t.Errorf("got %+v, want %s", e, f.kind)
					}
				}
				if len(w.lines.byName) > 0 {
					t.Error("the line stays")
				}
			})
		})
	}
}

// A thousand calls that wait for one budget ask Redis about as often as one, and
// each is admitted as soon as there is room for it.
func TestLineOfAThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const callers = 1000
		free := 0 // owned by the fake's mutex
		w.redis.grant = func(c live.Claim) (live.Grant, error) {
			if free == 0 {
				return live.Grant{Verdict: live.Busy}, nil
			}
			free--
			return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
		}
		var admitted atomic.Int64
		var all sync.WaitGroup
		for range callers {
			p := w.enter(t, t.Context(), caller(daily(1e12)))
			all.Go(func() {
				if e := p.Reserve(t.Context()); e == nil {
					admitted.Add(1)
				}
			})
		}
		synctest.Wait()
		for i := range 100 {
			w.redis.mu.Lock()
			free += 9
			w.redis.mu.Unlock()
			w.redis.free()
			synctest.Wait()
			if got := admitted.Load(); got != int64(9*(i+1)) {
				t.Fatalf("after %d of them were freed, %d are admitted", 9*(i+1), got)
			}
		}
		all.Wait() // those without room give up
		if got := w.redis.asks(); admitted.Load() != 900 || got > callers+900+300 {
			t.Errorf("%d admitted, Redis was asked %d times", admitted.Load(), got)
		}
	})
}

// Calls that come while others wait for the same budget join them without asking,
// and take their turn when there is room.
func TestNewcomersJoinTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var room atomic.Bool
		w.redis.grant = func(c live.Claim) (live.Grant, error) {
			if room.Load() {
				return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
			}
			return live.Grant{Verdict: live.Busy}, nil
		}
		var admitted atomic.Int64
		var all sync.WaitGroup
		call := func() {
			p := w.enter(t, t.Context(), caller(daily(1e12)))
			all.Go(func() {
				if e := p.Reserve(t.Context()); e == nil {
					admitted.Add(1)
				}
			})
		}
		call()
		synctest.Wait()
		before := w.redis.asks()
		for range 100 {
			call()
		}
		synctest.Wait()
		if asks := w.redis.asks() - before; asks != 0 {
			t.Errorf("100 calls behind one that waits asked %d times", asks)
		}
		room.Store(true)
		w.redis.free()
		all.Wait()
		if admitted.Load() != 101 {
			t.Errorf("%d of 101 calls are admitted", admitted.Load())
		}
	})
}

// A Redis that a crowd asks is not away: calls wait for their turn, but not for ever.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range atOnce {
			w.turns <- struct{}{}
		}
		p := w.enter(t, t.Context(), caller(daily(1e12)))
		start := time.Now()
		wantError(t, p.Reserve(t.Context()), apierror.BudgetsAway, 503)
		if took := time.Since(start); took != patience {
			t.Errorf("gave up after %v", took)
		}
		time.AfterFunc(patience/2, func() { <-w.turns })
		w.redis.grant = verdict(live.Admitted)
		if e := w.enter(t, t.Context(), caller(daily(1e12))).Reserve(t.Context()); e != nil {
			t.Error(e)
		}
	})
}
