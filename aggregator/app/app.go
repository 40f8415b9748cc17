// Package app wires the aggregator: the delivery consumer, the rollups and the
// live sums of the generation that serves, the operations listener, and the
// commands that make and remove generations.
//
// Guarantee: what New opens, Run closes; a New that fails closes what it opened.
// When a rebuild has switched to another generation, Run finishes with the old
// one and goes on with that, by itself and within seconds.
//
// Concurrency: New and Run belong to one goroutine, Addr to any.
//
// Failure: Kafka, ClickHouse and Redis may be away at the start and at any time
// later; Run waits for the first two, goes on without the third, and says so in
// /readyz. It ends with an error only where going on would lose events.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
	"weir/internal/telemetry"
)

// Options say what an aggregator works with.
type Options struct {
	Kafka      eventlog.Config
	ClickHouse clickhouse.Config
	Redis      live.Config
	Aggregator Config
	// Command is how a person calls the aggregator, with its configuration.
	Command string
	Logger  *slog.Logger
}

func (o Options) validate() error {
	if err := o.Kafka.Validate(); err != nil {
		return err
	}
	if err := o.Redis.Validate(); err != nil {
		return err
	}
	return o.Aggregator.Validate()
}

// App is an aggregator, ready to run.
type App struct {
	o        Options
	db       *clickhouse.DB
	log      *eventlog.Log
	registry *prometheus.Registry
	serving  prometheus.Gauge
	current  atomic.Pointer[worker] // nil until ClickHouse has said which generation serves
	ops      *service.Ops
	stop     service.Cleanups
}

// New opens everything and reads nothing yet. Errors are those of the
// configuration and of a listener that cannot be had.
func New(ctx context.Context, o Options) (_ *App, err error) {
	a := &App{o: o, registry: telemetry.NewRegistry("aggregator")}
	defer a.stop.Rollback(ctx, &err)

	if a.db, a.log, err = o.open(&a.stop); err != nil {
		return nil, err
	}
	a.serving = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "weir_aggregator_generation", Help: "Generation of the rollups that this aggregator writes; 0 while it waits for ClickHouse.",
	})
	a.registry.MustRegister(a.serving)

	health := new(service.Health)
	health.Add("consumer", a.checkConsumer)
	health.Add("live", a.checkLive)
	health.Add("clickhouse", func(ctx context.Context) (service.State, map[string]any) {
		if err := a.db.Ping(ctx); err != nil {
			return service.Degraded, map[string]any{"error": err.Error()}
		}
		return service.OK, nil
	})
	a.ops, err = service.NewOps(o.Aggregator.MetricsListen, health, telemetry.Handler(a.registry, o.Logger))
	if err != nil {
		return nil, err
	}
	a.stop.AddCloser("operations listener", a.ops)
	return a, nil
}

// open opens what every command needs; nothing is connected yet.
func (o Options) open(stop *service.Cleanups) (*clickhouse.DB, *eventlog.Log, error) {
	if err := o.validate(); err != nil {
		return nil, nil, err
	}
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return nil, nil, err
	}
	stop.AddCloser("clickhouse", db)
	log, err := eventlog.OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	stop.Add("log", func(context.Context) error { log.Close(); return nil })
	return db, log, nil
}

// Addr is the address of the operations listener.
func (a *App) Addr() string { return a.ops.Addr() }

// Run delivers events until ctx ends, then writes and commits what it has read.
func (a *App) Run(ctx context.Context) error {
	return service.RunTasks(ctx, &a.stop,
		service.Task{Name: "aggregator", Run: a.serve},
		service.Task{Name: "operations listener", Run: a.ops.Run},
	)
}

func (a *App) checkConsumer(ctx context.Context) (service.State, map[string]any) {
	w := a.current.Load()
	if w == nil {
		return service.Down, map[string]any{"waiting_for": "clickhouse"}
	}
	state, details := w.consumer.Check(ctx)
	if details == nil {
		details = make(map[string]any)
	}
	details["generation"] = w.generation
	return state, details
}

func (a *App) checkLive(ctx context.Context) (service.State, map[string]any) {
	if w := a.current.Load(); w != nil {
		return w.follower.Check(ctx)
	}
	return service.Degraded, map[string]any{"waiting_for": "clickhouse"}
}
