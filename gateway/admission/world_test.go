package admission

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"weir/gateway/apierror"
	"weir/gateway/metrics"
	"weir/gateway/wire"
	"weir/gateway/wire/chat"
	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/internal/live"
	"weir/schemas"
)

// redis is what an Admission sees of Redis, with the answers of the test.
type redis struct {
	mu       sync.Mutex
	states   []live.RateState
	grant    func(live.Claim) (live.Grant, error)
	err      error
	freed    chan struct{}
	asked    int
	taken    [][]live.Rate
	adjusted chan []live.Rate
	settled  []int64
}

func newRedis() *redis {
	return &redis{freed: make(chan struct{}), adjusted: make(chan []live.Rate, 100)}
}

func (r *redis) TakeRates(_ context.Context, _ string, rates []live.Rate) ([]live.RateState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	r.taken = append(r.taken, rates)
	return r.states, r.err
}

func (r *redis) AdjustRates(_ context.Context, _ string, rates []live.Rate) error {
	r.adjusted <- rates
	return nil
}

func (r *redis) Reserve(_ context.Context, c live.Claim) (live.Grant, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return r.grant(c)
}

func (r *redis) Settle(_ string, pico int64, _ uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = append(r.settled, pico)
}

func (r *redis) Freed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.freed
}

// free announces that something was settled.
func (r *redis) free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.freed)
	r.freed = make(chan struct{})
}

func (r *redis) asks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// world is an Admission before that Redis.
type world struct {
	*Admission
	redis *redis
	log   *controltest.Log
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{redis: newRedis(), log: controltest.New()}
	w.Admission = New(Options{Control: w.log.State, Catalog: prices(t), Rates: w.redis, Budgets: w.redis,
		Metrics: metrics.New(prometheus.NewRegistry(), nil), Log: slog.New(slog.DiscardHandler)})
	return w
}

func put[E control.Entity](t testing.TB, w *world, e E) {
	t.Helper()
	if err := control.Put(t.Context(), w.log, e, control.Change{Actor: control.ActorSystem}); err != nil {
		t.Fatal(err)
	}
}

// body is of a model whose dearest prices are 2 dollars a million tokens in and 20
// out.
const body = `{"model":"mock/small","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`

func read(t testing.TB, text string) wire.Request {
	t.Helper()
	r, e := chat.Format{}.ReadRequest([]byte(text))
	if e != nil {
		t.Fatal(e)
	}
	return r
}

func daily(pico int64) *schemas.Limits {
	return &schemas.Limits{Budgets: []*schemas.Budget{{Window: schemas.Window_WINDOW_DAY, LimitPico: pico}}}
}

func caller(l *schemas.Limits) *control.Caller {
	return &control.Caller{Key: &schemas.ApiKey{KeyId: "k", OrgId: "org", Limits: l}, Org: &schemas.Organization{OrgId: "org"}}
}

// enter goes up to the reservation, which the test makes.
func (w *world) enter(t testing.TB, ctx context.Context, c *control.Caller) *Permit {
	t.Helper()
	p, e := w.Enter(ctx, c, "", read(t, body))
	if e == nil {
		e = p.Claim(c, "req_1", noon, Model{"mock", "mock", "small"}, false, read(t, body))
	}
	if e != nil {
		t.Fatal(e)
	}
	return p
}

func wantError(t testing.TB, e *apierror.Error, kind apierror.Kind, status int) {
	t.Helper()
	if e == nil || e.Kind != kind || e.Status != status || e.Message == "" {
		t.Errorf("got %+v, want %s with status %d", e, kind, status)
	}
}

func headers(p *Permit) http.Header {
	h := http.Header{}
	p.Head(h)
	p.Warn(h)
	return h
}
