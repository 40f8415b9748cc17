// Package app wires ingest: the delivery consumer, the fact tables, the readable
// control log and the operations listener.
//
// Guarantee: what New opens, Run closes; a New that fails closes what it opened.
//
// Concurrency: New and Run belong to one goroutine, Addr to any.
//
// Failure: Kafka and ClickHouse may be away at the start and at any time later;
// Run waits for them and says so in /readyz. It ends with an error only where
// going on would lose events: topics that are not as they must be, records that
// were lost before they were delivered.
package app

import (
	"context"
	"log/slog"

	"weir/clickhouse"
	"weir/ingest/audit"
	"weir/ingest/controllog"
	"weir/ingest/facts"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/service"
	"weir/internal/telemetry"
	"weir/schemas"
)

// Options say what an ingest works with.
type Options struct {
	Kafka      eventlog.Config
	ClickHouse clickhouse.Config
	Ingest     Config
	Logger     *slog.Logger
}

// App is an ingest, ready to run.
type App struct {
	consumer *eventlog.Consumer
	audits   *audit.Watch
	changes  *controllog.Follower
	ops      *service.Ops
	stop     service.Cleanups
}

// New opens everything and reads nothing yet. Errors are those of the
// configuration and of a listener that cannot be had.
func New(ctx context.Context, o Options) (_ *App, err error) {
	a := new(App)
	defer a.stop.Rollback(ctx, &err)

	if err := o.Kafka.Validate(); err != nil {
		return nil, err
	}
	if err := o.Ingest.Validate(); err != nil {
		return nil, err
	}
	registry := telemetry.NewRegistry("ingest")
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return nil, err
	}
	a.stop.AddCloser("clickhouse", db)

	a.consumer = eventlog.NewConsumer(eventlog.ConsumerOptions{
		Kafka:         o.Kafka,
		Group:         schemas.GroupIngest,
		Command:       "ingest offset",
		Prepare:       func(ctx context.Context) error { return control.PrepareLog(ctx, o.Kafka, o.Logger) },
		Generation:    1,
		Topics:        facts.Topics(),
		Sink:          facts.NewSink(db),
		Progress:      db.Progress(),
		FlushInterval: o.Ingest.FlushInterval,
		FlushRows:     o.Ingest.FlushRows,
		DeadLetters:   true,
		Registerer:    registry,
		Logger:        o.Logger,
	})

	a.audits = audit.NewWatch(db, registry, o.Logger)
	a.changes = controllog.New(controllog.Options{Kafka: o.Kafka, DB: db, Interval: o.Ingest.FlushInterval, Logger: o.Logger})

	health := new(service.Health)
	health.Add("consumer", a.consumer.Check)
	health.Add("control_log", a.changes.Check)
	health.Add("clickhouse", func(ctx context.Context) (service.State, map[string]any) {
		if err := db.Ping(ctx); err != nil {
			return service.Degraded, map[string]any{"error": err.Error()}
		}
		return service.OK, nil
	})
	a.ops, err = service.NewOps(o.Ingest.MetricsListen, health, telemetry.Handler(registry, o.Logger))
	if err != nil {
		return nil, err
	}
	a.stop.AddCloser("operations listener", a.ops)
	return a, nil
}

// Addr is the address of the operations listener.
func (a *App) Addr() string { return a.ops.Addr() }

// Run delivers events until ctx ends, then writes and commits what it has read.
func (a *App) Run(ctx context.Context) error {
	return service.RunTasks(ctx, &a.stop,
		service.Task{Name: "consumer", Run: a.consumer.Run},
		service.Task{Name: "control log", Run: a.changes.Run},
		service.Task{Name: "last audit", Run: a.audits.Run},
		service.Task{Name: "operations listener", Run: a.ops.Run},
	)
}

// SetOffset sets where ingest goes on in one partition.
func SetOffset(ctx context.Context, o Options, command eventlog.OffsetCommand) error {
	return command.Set(ctx, o.Kafka, schemas.GroupIngest, facts.Topics(), o.Logger)
}
