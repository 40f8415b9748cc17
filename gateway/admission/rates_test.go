package admission

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/apierror"
	"weir/internal/live"
	"weir/schemas"
)

func perMinute(requests, tokens int64) *schemas.Limits {
	return &schemas.Limits{RequestsPerMinute: requests, TokensPerMinute: tokens}
}

func rate(d live.Dimension, id string, tokens bool, perMinute, take int64) live.Rate {
	return live.Rate{Dimension: d, ID: id, Tokens: tokens, PerMinute: perMinute, Take: take}
}

func TestRates(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	defer func() { cancel(); <-done }()
	c, r := caller(perMinute(60, 150)), read(t, body)
	c.Org.Limits = perMinute(1000, 0)
	w.redis.states = []live.RateState{{Remaining: 59, Reset: time.Second}, {Remaining: 0, Reset: time.Minute}, {Remaining: 7, Reset: 1500 * time.Millisecond}}
	p, e := w.Enter(ctx, c, "", r)
	if e != nil {
		t.Fatal(e)
	}
	b, _ := r.Bounds()
	tokens := b.Text + 100
	want := []live.Rate{rate(live.Key, "k", false, 60, 1), rate(live.Key, "k", true, 150, tokens), rate(live.Org, "", false, 1000, 1)}
	if diff := cmp.Diff(want, w.redis.taken[0]); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
	wantHead := http.Header{
		"X-Ratelimit-Limit-Requests": {"1000"}, "X-Ratelimit-Remaining-Requests": {"7"}, "X-Ratelimit-Reset-Requests": {"1.5s"},
		"X-Ratelimit-Limit-Tokens": {"150"}, "X-Ratelimit-Remaining-Tokens": {"0"}, "X-Ratelimit-Reset-Tokens": {"1m0s"},
	}
	if diff := cmp.Diff(wantHead, headers(p)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	// No more than the limit was taken; what is corrected is that.
	p.Settle(0, 20, 1)
	if diff := cmp.Diff([]live.Rate{rate(live.Key, "k", true, 150, 20-150)}, <-w.redis.adjusted); diff != "" {
		t.Errorf("adjusted (-want +got):\n%s", diff)
	}

	w.redis.states[1].Wait = 1200 * time.Millisecond
	p, e = w.Enter(ctx, c, "", r)
	wantError(t, e, apierror.RateLimited, 429)
	if want := "The rate limit of the API key is reached: 150 tokens a minute. Try again in 1.2s."; e.Message != want || e.RetryAfter != "2" {
		t.Errorf("says %q, retry after %s", e.Message, e.RetryAfter)
	}
	if len(headers(p)) != 6 {
		t.Errorf("a refusal has the headers %v", headers(p))
	}
	p.Settle(0, 0, 1)
	if len(w.redis.adjusted) > 0 {
		t.Error("what was not taken was corrected")
	}
}

// Without Redis rate limits are open, and Redis is asked again after a second.
func TestRatesWithoutRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.redis.err = errors.New("away")
		enter := func() {
			t.Helper()
			p, e := w.Enter(t.Context(), caller(perMinute(1, 1)), "", read(t, body))
			if e != nil || len(headers(p)) > 0 {
				t.Errorf("%v, %v", e, headers(p))
			}
			p.Settle(0, 20, 1)
		}
		enter()
		enter()
		if got := w.redis.asks(); got != 1 || len(w.adjustments) > 0 {
			t.Errorf("asked %d times at once, %d corrections", got, len(w.adjustments))
		}
		<-time.After(ratesPause)
		w.redis.err = nil
		w.redis.states = []live.RateState{{Wait: time.Second}, {}}
		_, e := w.Enter(t.Context(), caller(perMinute(1, 1)), "", read(t, body))
		wantError(t, e, apierror.RateLimited, 429)
	})
}

func TestCorrectionsNeverHoldUpACall(t *testing.T) {
	w := newWorld(t) // whose Run does not run
	w.redis.states = []live.RateState{{}}
	for range maxAdjustments + 1 {
		p, e := w.Enter(t.Context(), caller(perMinute(0, 1000)), "", read(t, body))
		if e != nil {
			t.Fatal(e)
		}
		p.Settle(0, 20, 1)
	}
	if len(w.adjustments) != maxAdjustments {
		t.Errorf("%d corrections wait", len(w.adjustments))
	}
}
