package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weir/gateway/admission"
	"weir/gateway/auth"
	"weir/gateway/bootstrap"
	"weir/gateway/credential"
	"weir/gateway/egress"
	"weir/gateway/httpapi"
	"weir/gateway/manage"
	"weir/gateway/metering"
	"weir/gateway/metrics"
	"weir/gateway/pipeline"
	"weir/gateway/provider"
	"weir/internal/catalog"
	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/internal/service"
	"weir/schemas"
)

const (
	apiKey     = "wk_live"
	loggingKey = "wk_logging"
	deadKey    = "wk_dead"
	managerKey = "wk_manager" // that may not make calls
	panicKey   = "wk_panic"
	// the one of who runs the gateway
	operatorKey = "wk_operator"
	hashSecret  = "secret of the hashes"
)

// world is a gateway with a provider behind it and a journal in memory.
type world struct {
	t        testing.TB
	url      string
	journal  *journal
	pipeline *pipeline.Pipeline
	registry *prometheus.Registry
	handler  http.Handler
	control  *controltest.Log
	log      *bytes.Buffer
}

type config struct {
	limits   pipeline.Limits
	provider provider.Config
	server   func(*http.Server)
	rates    admission.Rates     // asked by nobody unless a test sets limits
	budgets  admission.Budgets   // likewise
	serve    bool                // calls with budgets while Redis is away
	ring     *credential.Keyring // none unless a test needs one
	egress   egress.Rule
	key      string // of the gateway at the provider
}

// start runs a gateway before a provider that answers with serve.
func start(t testing.TB, serve http.HandlerFunc, change ...func(*config)) *world {
	t.Helper()
	upstream := httptest.NewServer(serve)
	t.Cleanup(upstream.Close)
	c := config{
		limits: pipeline.Limits{MaxBody: 1 << 20, MaxUpload: 64 << 20, MaxHeaders: 64 << 10, MaxAnswer: 8 << 20, BodyTimeout: 10 * time.Second,
			WriteTimeout: 10 * time.Second, DrainTimeout: 10 * time.Second, DrainMaxBytes: 1 << 20, DrainMax: 10, PayloadRetention: time.Hour},
		provider: provider.Config{Name: "mock", BaseURL: upstream.URL + "/v1", RegionURL: upstream.URL + "/v1?in={region}", APIKeyEnv: "MOCK_KEY", ForwardHeaders: []string{"x-mock-*"},
			Timeout: 10 * time.Second, IdleTimeout: 10 * time.Second},
		server: func(*http.Server) {}, ring: &credential.Keyring{}, key: "sk-upstream",
	}
	for _, f := range change {
		f(&c)
	}
	w := &world{t: t, journal: newJournal(t), registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	prices := must(catalog.New(catalog.Config{Models: []catalog.ModelConfig{{ID: "mock/small", InputPrice: "1", CachedPrice: "0.5", CachingPrice: "2", OutputPrice: "10", ReasoningPrice: "20",
		ServiceTiers: []string{"flex=1"}},
		{ID: "mock/tiers", InputPrice: "1", OutputPrice: "10", ServiceTiers: []string{"flex=1/2", "priority=7/4"}, SearchPrice: "10", ContextWindow: 1000, MaxOutputTokens: 50},
		{ID: "mock/apart", InputPrice: "1", OutputPrice: "10", MaxOutputTokens: 1000, ReasoningApart: true}}}))(t)
	providers := must(provider.NewSet([]provider.Config{c.provider}, "", func(string) string { return c.key }))(t)
	logs := slog.New(slog.NewTextHandler(&lockedWriter{w: w.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.control = keysOf(t, logs)
	keys := auth.New(hashSecret, w.control.State)
	operator := control.NewHasher(hashSecret).Sum(operatorKey)
	management := manage.New(manage.Options{State: w.control.State, Log: w.control, Trail: w.control, Keys: keys,
		Providers: providers, Ring: c.ring, Egress: c.egress, HashSecret: hashSecret, OperatorHash: operator[:], Logger: logs, Now: time.Now})
	models := must(httpapi.NewModels(prices, providers))(t)
	instruments := metrics.New(w.registry, models.IDs())
	admit := admission.New(admission.Options{Control: w.control.State, Catalog: prices, Rates: c.rates, Budgets: c.budgets, Serve: c.serve,
		Metrics: instruments, Log: logs})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- admit.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	client := provider.NewClient("test", c.egress)
	w.pipeline = pipeline.New(pipeline.Options{
		Keys: panicking{keys}, Control: w.control.State, Admission: admit,
		Accounts: credential.NewVault(c.ring, c.egress, w.control.State), Providers: providers, Client: client, Meter: metering.New(prices, logs), Estimator: metering.NewEstimator(),
		Journal: w.journal, Metrics: instruments, Limits: c.limits, Log: logs,
	})
	health := &service.Health{}
	w.handler = must(httpapi.New(httpapi.Options{
		Inference: w.pipeline, Keys: keys, Control: w.control.State, Models: models,
		Live: health.Live, Ready: health.Ready, Metrics: promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{}),
		Management: management,
	}))(t)
	server := httptest.NewUnstartedServer(w.handler)
	server.Config.MaxHeaderBytes = 2 << 20
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	c.server(server.Config)
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(client.Close)
	w.url = server.URL
	return w
}

// keysOf is the control state of a first start with one key of each kind.
func keysOf(t testing.TB, logs *slog.Logger) *controltest.Log {
	t.Helper()
	hash := func(id, key string) bootstrap.KeyConfig {
		return bootstrap.KeyConfig{ID: id, Name: id, OrgID: "org", Project: "proj", GroupID: "grp", MemberID: "mem", Hash: control.HashKey(hashSecret, key)}
	}
	logging, dead, manager := hash("key_logging", loggingKey), hash("key_dead", deadKey), hash("key_manager", managerKey)
	logging.Logging, dead.Disabled, manager.Permissions.Completions = true, true, "none"
	log := controltest.New()
	if err := bootstrap.Run(t.Context(), log.State, log, hashSecret, []bootstrap.KeyConfig{hash("key_live", apiKey), logging, dead, manager}, logs); err != nil {
		t.Fatal(err)
	}
	return log
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// panicking is what a bug in a room looks like.
type panicking struct{ auth.Keys }

func (p panicking) Find(secret string) (control.Caller, bool) {
	if secret == panicKey {
		panic("a bug")
	}
	return p.Keys.Find(secret)
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// post sends a chat completion with the live key.
func (w *world) post(body string, header ...string) answer {
	w.t.Helper()
	return w.do(context.Background(), http.MethodPost, "/v1/chat/completions", strings.NewReader(body), append([]string{"Authorization", "Bearer " + apiKey}, header...)...)
}

func (w *world) do(ctx context.Context, method, path string, body io.Reader, header ...string) answer {
	w.t.Helper()
	resp := w.send(ctx, method, path, body, header...)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text), err}
}

func (w *world) send(ctx context.Context, method, path string, body io.Reader, header ...string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
}

// apiError is the body of an error.
type apiError struct {
	Error struct {
		Message, Type, Origin string
		Code, Param           *string
	}
}

func (a answer) error(t testing.TB) (e apiError) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Error.Message == "" || e.Error.Type == "" || e.Error.Origin == "" {
		t.Errorf("not an error in OpenAI's shape: %s", a.body)
	}
	return e
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// journal is the event log in memory. It checks what the real one demands.
type journal struct {
	t testing.TB

	mu       sync.Mutex
	changed  *sync.Cond
	calls    []*recorded
	begin    error
	complete func() error // asked before each outcome
	forget   bool         // keep nothing, for benchmarks
}

// recorded is what the journal holds of one call.
type recorded struct {
	request  *schemas.RequestReceived
	response *schemas.ResponseCompleted
	usage    *schemas.UsageRecorded
	payload  *schemas.PayloadCaptured
}

func newJournal(t testing.TB) *journal {
	j := &journal{t: t}
	j.changed = sync.NewCond(&j.mu)
	return j
}

var errFull = errors.New("the spool is full")

func (j *journal) Begin(r *schemas.RequestReceived, _ bool) (pipeline.OpenCall, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.begin != nil {
		return nil, j.begin
	}
	rec := &recorded{request: r}
	if j.forget {
		return openCall{j, rec}, nil
	}
	j.calls = append(j.calls, rec)
	j.changed.Broadcast()
	return openCall{j, rec}, nil
}

func (j *journal) Refuse(r *schemas.RequestReceived, resp *schemas.ResponseCompleted, u *schemas.UsageRecorded) error {
	open, err := j.Begin(r, false)
	if err != nil {
		return err
	}
	return open.Complete(resp, u, nil)
}

type openCall struct {
	j   *journal
	rec *recorded
}

func (o openCall) UsageSeq() uint64 {
	o.j.mu.Lock()
	defer o.j.mu.Unlock()
	if o.rec.usage == nil {
		return 0
	}
	return 7
}

func (o openCall) Complete(resp *schemas.ResponseCompleted, u *schemas.UsageRecorded, p *schemas.PayloadCaptured) error {
	o.j.mu.Lock()
	ask := o.j.complete
	o.j.mu.Unlock()
	var err error
	if ask != nil {
		err = ask()
	}
	o.j.mu.Lock()
	defer o.j.mu.Unlock()
	if o.rec.response != nil {
		o.j.t.Errorf("%s was completed twice", resp.RequestId)
	}
	o.rec.response, o.rec.usage, o.rec.payload = resp, u, p
	o.j.changed.Broadcast()
	return err
}

// only waits for the one call that the journal holds to have its outcome.
func (w *world) only() *recorded {
	w.t.Helper()
	all := w.calls(1)
	return all[0]
}

// calls waits until n calls have their outcomes and checks that there are no
// more, and that the three events of each agree.
func (w *world) calls(n int) []*recorded {
	w.t.Helper()
	j := w.journal
	timer := time.AfterFunc(15*time.Second, j.changed.Broadcast)
	defer timer.Stop()
	deadline := time.Now().Add(15 * time.Second)
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		done := 0
		for _, c := range j.calls {
			if c.response != nil {
				done++
			}
		}
		if done == n && len(j.calls) == n {
			break
		}
		if len(j.calls) > n || time.Now().After(deadline) {
			w.t.Fatalf("%d calls, %d with an outcome; want %d", len(j.calls), done, n)
		}
		j.changed.Wait()
	}
	for _, c := range j.calls {
		if c.request.RequestId != c.response.RequestId || c.request.RequestId != c.usage.RequestId || !strings.HasPrefix(c.request.RequestId, "req_") {
			w.t.Errorf("ids do not agree: %v %v %v", c.request, c.response, c.usage)
		}
		if c.response.Status != c.usage.Status || c.response.ErrorKind != c.usage.ErrorKind || c.response.OccurredAt != c.usage.OccurredAt ||
			c.response.LatencyUs != c.usage.LatencyUs || int(c.usage.Attempts) != len(c.response.Attempts) || c.usage.ReceivedAt != c.request.OccurredAt {
			w.t.Errorf("the events do not agree: %v %v %v", c.request, c.response, c.usage)
		}
	}
	return append([]*recorded(nil), j.calls...)
}

// none checks that nothing was recorded.
func (w *world) none() {
	w.t.Helper()
	w.calls(0)
}

const plainBody = `{"model":"mock/small","messages":[{"role":"user","content":"hi"}]}`
const streamBody = `{"model":"mock/small","stream":true,"messages":[{"role":"user","content":"hi"}]}`

// plainAnswer is a provider's answer with 100 tokens in, 40 of them cached and
// 10 written, and 64 out, 8 of them reasoning: 50×1+40×0.5+10×2+56×10+8×20 =
// 810 millionths of a dollar.
const plainAnswer = `{"id":"chatcmpl-1","object":"chat.completion","model":"small-2026","service_tier":"flex","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":100,"completion_tokens":64,"total_tokens":164,"prompt_tokens_details":{"cached_tokens":40,"caching_tokens":10},"completion_tokens_details":{"reasoning_tokens":8}}}`

const plainCost = "0.00081"

const usageChunk = `{"id":"chatcmpl-1","model":"small-2026","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":64,"total_tokens":164,"prompt_tokens_details":{"cached_tokens":40,"caching_tokens":10},"completion_tokens_details":{"reasoning_tokens":8}}}`

func content(text string) string {
	return `{"id":"chatcmpl-1","model":"small-2026","choices":[{"index":0,"delta":{"content":"` + text + `"},"finish_reason":null}]}`
}

const stopChunk = `{"id":"chatcmpl-1","model":"small-2026","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`

func respond(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// sse is a provider's stream under way.
type sse struct{ w http.ResponseWriter }

func events(w http.ResponseWriter, r *http.Request) sse {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	return sse{w}
}

func (s sse) send(data ...string) {
	for _, d := range data {
		_, _ = io.WriteString(s.w, "data: "+d+"\n\n")
	}
	s.w.(http.Flusher).Flush()
}

func streams(data ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { events(w, r).send(data...) }
}

// refusing is an address where nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}
