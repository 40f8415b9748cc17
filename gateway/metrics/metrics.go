// Package metrics is what the gateway tells Prometheus: OpenTelemetry's GenAI
// metrics in Prometheus' spelling, and the gateway's own.
//
// Guarantee: labels come from closed sets. A model is named only where the
// catalog knows it, since clients choose names freely; all others are "other".
//
// Concurrency: everything may be used from any goroutine. Failure: none.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/schemas"
)

// Metrics are the gateway's instruments.
type Metrics struct {
	InFlight prometheus.Gauge   // calls being served
	Draining prometheus.Gauge   // of them, read on for clients that went away
	Cut      prometheus.Counter // upstreams cut because too many were draining

	RatesOpen        prometheus.Counter // calls that rate limits let through unasked
	RatesUncorrected prometheus.Counter // estimates of tokens that stand
	Unbudgeted       prometheus.Counter // calls that budgets let through unasked
	Lowered          prometheus.Counter // calls whose output limit was lowered
	Overrun          prometheus.Counter // calls that cost more than was reserved
	Waiting          prometheus.Gauge   // calls that wait for others' reservations

	duration *prometheus.HistogramVec
	ttft     *prometheus.HistogramVec
	tokens   *prometheus.HistogramVec
	refused  *prometheus.CounterVec

	models map[string]bool // provider/model: the names that may be labels
	mu     sync.RWMutex    // owns series
	series map[target]*series
}

// target is what the series of a model are resolved by, once.
type target struct{ provider, model, kind string }

type series struct {
	duration, ttft, input, cached, write, output, reasoning prometheus.Observer
}

// OtherModel stands for all models that the catalog does not know.
const OtherModel = "other"

// New registers the instruments. models are the names, provider/model, that may
// stand in labels.
func New(r prometheus.Registerer, models []string) *Metrics {
	seconds := []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	counts := []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
	labels := []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"}
	m := &Metrics{
		InFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_gateway_calls_in_flight", Help: "Inference calls being served."}),
		Draining: prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_gateway_drains_in_flight", Help: "Answers being read on for clients that went away."}),
		Cut:      prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_gateway_drains_cut_total", Help: "Answers cut because the bounds on reading on were reached."}),
		RatesOpen: prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_gateway_rate_limits_open_total",
			Help: "Calls with rate limits that were served although Redis could not be asked."}),
		RatesUncorrected: prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_gateway_rate_limits_uncorrected_total",
			Help: "Calls whose estimated tokens were not corrected by those that were used."}),
		Unbudgeted: prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_gateway_budgets_open_total",
			Help: "Calls with budgets that were served although Redis could not be asked (gateway.budgets_without_redis: serve)."}),
		Lowered: prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_gateway_output_lowered_total",
			Help: "Calls whose output limit was lowered to what a budget has room for."}),
		Overrun: prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_gateway_budget_overruns_total",
			Help: "Calls that cost more than was reserved for them: a limit or a price of the catalog is wrong."}),
		Waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_gateway_budget_waits_in_flight",
			Help: "Calls that wait for what other calls have reserved."}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gen_ai_client_operation_duration_seconds", Buckets: seconds,
			Help: "From the call's arrival to the provider's last byte."}, append(labels[:3:3], "error_type")),
		ttft: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gen_ai_server_time_to_first_token_seconds", Buckets: seconds,
			Help: "From the call's arrival to the first content byte."}, labels),
		tokens: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gen_ai_client_token_usage", Buckets: counts,
			Help: "Tokens of a call by kind; the kinds are disjoint."}, append(labels[:3:3], "gen_ai_token_type")),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weir_gateway_refusals_total",
			Help: "Calls that never went upstream, by reason."}, []string{"error_type"}),
		models: make(map[string]bool, len(models)),
		series: make(map[target]*series),
	}
	for _, id := range models {
		m.models[id] = true
	}
	r.MustRegister(m.InFlight, m.Draining, m.Cut,
		m.RatesOpen, m.RatesUncorrected, m.Unbudgeted, m.Lowered, m.Overrun, m.Waiting,
		m.duration, m.ttft, m.tokens, m.refused)
	return m
}

// Refused counts a call that never went upstream.
func (m *Metrics) Refused(kind string) { m.refused.WithLabelValues(kind).Inc() }

// Served observes a call that went upstream, to the model named id, which is
// provider/model. kind is the error's, "" for none. Times of 0 are not observed.
func (m *Metrics) Served(provider, id, kind string, took, ttft time.Duration, t *schemas.Tokens) {
	model := OtherModel
	if m.models[id] {
		model = id[len(provider)+1:]
	}
	s := m.of(target{provider, model, kind})
	s.duration.Observe(took.Seconds())
	if ttft > 0 {
		s.ttft.Observe(ttft.Seconds())
	}
	for _, part := range [...]struct {
		n int64
		o prometheus.Observer
	}{{t.GetInput(), s.input}, {t.GetCachedInput(), s.cached}, {t.GetCacheWrite(), s.write}, {t.GetOutput(), s.output}, {t.GetReasoning(), s.reasoning}} {
		if part.n > 0 {
			part.o.Observe(float64(part.n))
		}
	}
}

func (m *Metrics) of(t target) *series {
	m.mu.RLock()
	s := m.series[t]
	m.mu.RUnlock()
	if s != nil {
		return s
	}
	const chat = "chat"
	kind := func(name string) prometheus.Observer {
		return m.tokens.WithLabelValues(chat, t.provider, t.model, name)
	}
	s = &series{
		duration: m.duration.WithLabelValues(chat, t.provider, t.model, t.kind),
		ttft:     m.ttft.WithLabelValues(chat, t.provider, t.model),
		input:    kind("input"), cached: kind("cached_input"), write: kind("cache_write"), output: kind("output"), reasoning: kind("reasoning"),
	}
	m.mu.Lock()
	m.series[t] = s
	m.mu.Unlock()
	return s
}
