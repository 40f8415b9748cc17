package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"weir/gateway/admission"
	"weir/internal/control"
	"weir/internal/live"
	"weir/schemas"
)

// set changes what the control state holds.
func set[E control.Entity](w *world, e E, expected uint64) {
	w.t.Helper()
	if err := control.Put(w.t.Context(), w.control, e, control.Change{Actor: control.ActorSystem, Expected: expected}); err != nil {
		w.t.Fatal(err)
	}
}

// limitKey gives the live key limits, and whatever else is changed.
func (w *world) limitKey(change func(*schemas.ApiKey)) {
	w.t.Helper()
	old, ok := control.Get[*schemas.ApiKey](w.control.State, "org", "key_live")
	if !ok {
		w.t.Fatal("no key")
	}
	key := control.Clone(old.Value)
	change(key)
	set(w, key, old.Version)
}

func (w *world) changeOrg(change func(*schemas.Organization)) {
	w.t.Helper()
	old, ok := control.Get[*schemas.Organization](w.control.State, "org", "org")
	if !ok {
		w.t.Fatal("no organisation")
	}
	org := control.Clone(old.Value)
	change(org)
	set(w, org, old.Version)
}

// budgets answers claims as the test says, and notes what is settled.
type budgets struct {
	grant func(live.Claim) (live.Grant, error)

	mu      sync.Mutex
	settled []settled
}

type settled struct {
	Request string
	Pico    int64
	Seq     uint64
}

func (b *budgets) Reserve(_ context.Context, c live.Claim) (live.Grant, error) { return b.grant(c) }
func (b *budgets) Freed() <-chan struct{}                                      { return nil }

func (b *budgets) Settle(request string, pico int64, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled = append(b.settled, settled{request, pico, seq})
}

func (b *budgets) all() []settled {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settled
}

func with(b admission.Budgets) func(*config) { return func(c *config) { c.budgets = b } }

func monthly(pico int64) *schemas.Limits {
	return &schemas.Limits{Budgets: []*schemas.Budget{{Window: schemas.Window_WINDOW_MONTH, LimitPico: pico}}}
}

func TestAccessList(t *testing.T) {
	w := start(t, respond(200, plainAnswer))
	models := func(key string) string {
		return w.do(t.Context(), "GET", "/v1/models", nil, "Authorization", "Bearer "+key).body
	}
	if got := models(apiKey); !strings.Contains(got, `"mock/small"`) {
		t.Errorf("a key without a list sees %s", got)
	}
	set(w, &schemas.AccessList{OrgId: "org", AccessListId: "acl", Chat: []string{"mock/other"}}, 0)
	w.limitKey(func(k *schemas.ApiKey) { k.AccessListId = "acl" })
	if got := models(apiKey); got != `{"object":"list","data":[]}` {
		t.Errorf("a key that may call nothing of it sees %s", got)
	}
	if got := models(loggingKey); !strings.Contains(got, `"mock/small"`) {
		t.Errorf("another key sees %s", got)
	}
	if a := w.do(t.Context(), "GET", "/v1/models/mock/small", nil, "Authorization", "Bearer "+apiKey); a.status != 403 || value(a.error(t).Error.Code) != "model_not_allowed" {
		t.Errorf("a model that is not allowed: %d %s", a.status, a.body)
	}
	a := w.post(plainBody)
	if e := a.error(t); a.status != 403 || value(e.Error.Code) != "model_not_allowed" || value(e.Error.Param) != "model" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	rec := w.only()
	if rec.usage.ErrorKind != "model_not_allowed" || rec.usage.CostPico != 0 || rec.usage.Attempts != 0 {
		t.Errorf("recorded %v", rec.usage)
	}
	if a := w.post(strings.Replace(plainBody, "small", "other@eu", 1)); a.status != 200 {
		t.Errorf("a model that is allowed, in a region: %d %s", a.status, a.body)
	}
}

func TestRateLimit(t *testing.T) {
	server := miniredis.RunT(t)
	c := live.DefaultConfig()
	c.Addr = server.Addr()
	store := live.Open(c, 1)
	t.Cleanup(func() { _ = store.Close() })
	w := start(t, respond(200, plainAnswer), func(c *config) { c.rates = store })
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = &schemas.Limits{RequestsPerMinute: 2, TokensPerMinute: 1_000_000} })
	for i, want := range []string{"1", "0"} {
		a := w.post(plainBody)
		if got := a.header.Get("X-Ratelimit-Remaining-Requests"); a.status != 200 || got != want || a.header.Get("X-Ratelimit-Limit-Tokens") != "1000000" {
			t.Errorf("call %d: %d, %s remain", i, a.status, got)
		}
	}
	a := w.post(plainBody)
	if e := a.error(t); a.status != 429 || value(e.Error.Code) != "rate_limit_exceeded" || e.Error.Origin != "router" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for name, want := range map[string]string{"Retry-After": "30", "X-Ratelimit-Limit-Requests": "2", "X-Ratelimit-Remaining-Requests": "0"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if rec := w.calls(3)[2]; rec.usage.ErrorKind != "rate_limited" || rec.usage.Status != 429 {
		t.Errorf("recorded %v", rec.usage)
	}
	// The estimates give way to what was used: 164 tokens each.
	want := int64(1_000_000 - 2*164)
	deadline := time.Now().Add(10 * time.Second)
	for {
		states, err := store.TakeRates(t.Context(), "org", []live.Rate{{Dimension: live.Key, ID: "key_live", Tokens: true, PerMinute: 1_000_000}})
		if err != nil {
			t.Fatal(err)
		}
		if got := states[0].Remaining; got >= want && got <= 1_000_000 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d tokens remain, want at least %d", got, want)
		}
	}
	server.Close()
	if a := w.post(plainBody); a.status != 200 || a.header.Get("X-Ratelimit-Limit-Requests") != "" {
		t.Errorf("without Redis: %d %v", a.status, a.header)
	}
}

// bodies is a provider that notes what it was sent.
func bodies(answer http.HandlerFunc) (http.HandlerFunc, *string) {
	var last string
	return func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		last = string(b)
		answer(rw, r)
	}, &last
}

func TestBudgetIsReservedAndSettled(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		answer http.HandlerFunc
	}{
		"plain":  {plainBody, respond(200, plainAnswer)},
		"stream": {streamBody, streams(content("hello"), stopChunk, usageChunk, "[DONE]")},
	} {
		t.Run(name, func(t *testing.T) {
			var claimed live.Claim
			b := &budgets{grant: func(c live.Claim) (live.Grant, error) {
				claimed = c
				return live.Grant{Pico: c.Least + 4*20e6, Verdict: live.Admitted}, nil
			}}
			provider, sent := bodies(c.answer)
			w := start(t, provider, with(b))
			w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
			a := w.post(strings.Replace(c.body, `{`, `{"max_tokens":100,`, 1))
			if a.status != 200 || !strings.Contains(*sent, `"max_tokens":20`) {
				t.Errorf("got %d %s; sent %s", a.status, a.body, *sent)
			}
			if got := a.header.Get("X-Requesty-Warnings"); !strings.Contains(got, "from 100 to 20 tokens") {
				t.Errorf("warns %q", got)
			}
			rec := w.only()
			if diff := cmp.Diff([]settled{{rec.usage.RequestId, 810e6, 7}}, b.all()); diff != "" {
				t.Errorf("settled (-want +got):\n%s", diff)
			}
			if claimed.RequestID != rec.request.RequestId || claimed.Want <= claimed.Least || claimed.Holds[0].Limit != 5e12 {
				t.Errorf("claimed %+v", claimed)
			}
			wantBudgets(t, rec, claimed)
		})
	}
}

// wantBudgets checks that the request and its usage carry what was claimed.
func wantBudgets(t *testing.T, rec *recorded, c live.Claim) {
	t.Helper()
	want := len(c.Holds)
	if want == 0 || len(rec.request.Budgets) != want || len(rec.usage.Budgets) != want || rec.request.Budgets[0].ReservedPico != c.Want {
		t.Errorf("%d holds; recorded %v and %v", want, rec.request.Budgets, rec.usage.Budgets)
	}
}

// A call that the budgets refuse is recorded with them, for nothing, and never
// reaches the provider.
func TestBudgetRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		grant   live.Grant
		err     error
		prepaid bool
		status  int
		kind    string
	}{
		"spent":   {grant: live.Grant{Verdict: live.Spent}, status: 412, kind: "budget_exceeded"},
		"balance": {grant: live.Grant{Verdict: live.Spent, Hold: 1}, prepaid: true, status: 402, kind: "balance_used_up"},
		"busy":    {grant: live.Grant{Verdict: live.Busy}, status: 429, kind: "budget_busy"},
		"lost":    {grant: live.Grant{Verdict: live.Lost}, status: 503, kind: "budgets_away"},
		"away":    {err: errors.New("away"), status: 503, kind: "budgets_away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // one of them waits for two seconds
			var claimed live.Claim
			b := &budgets{grant: func(claim live.Claim) (live.Grant, error) {
				claimed = claim
				return c.grant, c.err
			}}
			w := start(t, never(t), with(b))
			w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
			w.changeOrg(func(o *schemas.Organization) { o.Prepaid = c.prepaid })
			a := w.post(strings.Replace(plainBody, `{`, `{"max_tokens":100,`, 1))
			if a.error(t); a.status != c.status || (c.status == 429 || c.status == 503) != (a.header.Get("Retry-After") != "") {
				t.Errorf("got %d %s", a.status, a.body)
			}
			rec := w.only()
			if rec.usage.ErrorKind != c.kind || rec.response.ErrorKind != c.kind || rec.usage.CostPico != 0 || rec.usage.Attempts != 0 || len(rec.response.Attempts) != 0 {
				t.Errorf("recorded %v %v", rec.response, rec.usage)
			}
			wantBudgets(t, rec, claimed)
			if len(b.all()) > 0 {
				t.Errorf("settled %v", b.all())
			}
		})
	}
}

func TestBudgetsWithoutRedisServed(t *testing.T) {
	b := &budgets{grant: func(live.Claim) (live.Grant, error) { return live.Grant{}, errors.New("away") }}
	w := start(t, respond(200, plainAnswer), with(b), func(c *config) { c.serve = true })
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
	if a := w.post(strings.Replace(plainBody, `{`, `{"max_tokens":100,`, 1)); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if rec := w.only(); rec.usage.CostPico != 810e6 || len(rec.usage.Budgets) != 1 {
		t.Errorf("recorded %v", rec.usage)
	}
}

// A client that goes away while it waits for others' reservations ends its wait.
func TestClientLeavesTheLine(t *testing.T) {
	asked := make(chan struct{}, 1000)
	b := &budgets{grant: func(live.Claim) (live.Grant, error) {
		asked <- struct{}{}
		return live.Grant{Verdict: live.Busy}, nil
	}}
	w := start(t, never(t), with(b))
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-asked; <-asked; leave() }()
	req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/chat/completions", strings.NewReader(strings.Replace(plainBody, `{`, `{"max_tokens":100,`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Error("it was answered")
	}
	if rec := w.only(); rec.usage.Status != 499 || rec.usage.ErrorKind != "client_disconnected" || len(rec.usage.Budgets) != 1 {
		t.Errorf("recorded %v", rec.usage)
	}
}

// What has no bound is refused where there is a budget, and served where not.
func TestUnboundedCalls(t *testing.T) {
	w := start(t, respond(200, plainAnswer), with(&budgets{grant: func(c live.Claim) (live.Grant, error) {
		return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
	}}))
	search := strings.Replace(plainBody, `{`, `{"max_tokens":100,"web_search_options":{},`, 1)
	unpriced := strings.Replace(plainBody, "small", "unpriced", 1)
	for _, body := range []string{plainBody, search, unpriced} {
		if a := w.post(body); a.status != 200 {
			t.Errorf("without a budget: %d %s", a.status, a.body)
		}
	}
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
	for body, want := range map[string][2]string{
		plainBody: {"max_completion_tokens", "unbounded_request"}, search: {"web_search_options.max_uses", "unbounded_request"}, unpriced: {"model", "unpriced_model"},
	} {
		a := w.post(body)
		if e := a.error(t); a.status != 400 || value(e.Error.Param) != want[0] || value(e.Error.Code) != want[1] {
			t.Errorf("got %d %s, want %v", a.status, a.body, want)
		}
	}
	for _, rec := range w.calls(6)[3:] {
		if rec.usage.Status != 400 || len(rec.usage.Budgets) != 0 {
			t.Errorf("recorded %v", rec.usage)
		}
	}
}

func TestDisabledEndUser(t *testing.T) {
	w := start(t, never(t))
	set(w, &schemas.EndUser{OrgId: "org", UserId: "u", Disabled: true}, 0)
	if a := w.post(strings.Replace(plainBody, `{`, `{"user":"u",`, 1)); a.status != 403 || value(a.error(t).Error.Code) != "user_disabled" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if rec := w.only(); rec.usage.ErrorKind != "user_disabled" || rec.usage.Dimensions.UserId != "u" {
		t.Errorf("recorded %v", rec.usage)
	}
}

// A key without limits and budgets, of a user and an organisation without, costs no
// call of Redis, nor a connection.
func TestNoLimitsNoRedis(t *testing.T) {
	server := miniredis.RunT(t)
	c := live.DefaultConfig()
	c.Addr = server.Addr()
	store := live.Open(c, 1)
	t.Cleanup(func() { _ = store.Close() })
	budgets := live.NewAdmission(live.AdmissionOptions{Redis: store, Node: "node", Partitions: 1, Logger: slog.New(slog.DiscardHandler),
		Partition: func(string) int32 { return 0 }})
	w := start(t, respond(200, plainAnswer), with(budgets), func(c *config) { c.rates = store })
	for range 10 {
		if a := w.post(strings.Replace(plainBody, `{`, `{"user":"u",`, 1)); a.status != 200 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	w.calls(10)
	if commands, connections := server.CommandCount(), server.TotalConnectionCount(); commands != 0 || connections != 0 {
		t.Errorf("Redis had %d commands on %d connections", commands, connections)
	}
	// The counter counts: with a limit it is asked.
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = &schemas.Limits{RequestsPerMinute: 1000} })
	if a := w.post(plainBody); a.status != 200 || server.CommandCount() == 0 {
		t.Errorf("with a limit: %d, %d commands", a.status, server.CommandCount())
	}
}
