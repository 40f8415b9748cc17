package audit

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/clickhouse"
)

// watchEvery is how often the last result is looked up.
const watchEvery = 30 * time.Second

// Watch exports the last audit's result, whoever ran it, so that an alert can
// rest on it.
type Watch struct {
	db     *clickhouse.DB
	logger *slog.Logger

	findings, acknowledged           *prometheus.GaugeVec
	last, duration, dead, open, full prometheus.Gauge
}

// NewWatch registers the metrics. They are 0 until an audit has run.
func NewWatch(db *clickhouse.DB, registerer prometheus.Registerer, logger *slog.Logger) *Watch {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registerer.MustRegister(g)
		return g
	}
	byKind := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"kind"})
		registerer.MustRegister(g)
		return g
	}
	w := &Watch{
		db: db, logger: logger,
		findings:     byKind("weir_audit_findings", "What the last audit found off, by kind: events, rows, calls or groups of a rollup."),
		acknowledged: byKind("weir_audit_acknowledged", "What the last audit found and an operator had acknowledged, by kind; not among the findings."),
		last:         gauge("weir_audit_last_run_timestamp_seconds", "When the last audit ended; 0 when none has run."),
		full:         gauge("weir_audit_last_full", "1 when the last audit read the whole log, 0 when it read what was new."),
		duration:     gauge("weir_audit_duration_seconds", "How long the last audit took."),
		dead:         gauge("weir_audit_dead_records", "Dead records that the last audit counted as present."),
		open:         gauge("weir_audit_open_calls", "Calls without an outcome at the last audit, those in flight among them."),
	}
	w.set(nil, nil)
	return w
}

// Run looks the last result up until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.logger.Debug("look up the last audit", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (w *Watch) look(ctx context.Context) error {
	last, err := w.db.LastAudit(ctx)
	if err != nil || last == nil {
		return err
	}
	w.set(last.Findings, last.Acknowledged)
	w.last.Set(float64(last.Finished.UnixMilli()) / 1000)
	w.duration.Set(last.Finished.Sub(last.Started).Seconds())
	w.dead.Set(float64(last.Dead))
	w.open.Set(float64(last.Open))
	w.full.Set(0)
	if last.Full {
		w.full.Set(1)
	}
	return nil
}

// set exports what is off by kind; a kind that is not there counts nothing.
func (w *Watch) set(findings, acknowledged map[string]uint64) {
	for _, kind := range Kinds() {
		name := string(kind)
		w.findings.WithLabelValues(name).Set(float64(findings[name]))
		if acknowledgeable(kind) {
			w.acknowledged.WithLabelValues(name).Set(float64(acknowledged[name]))
		}
	}
}
