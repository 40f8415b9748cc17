// Package app wires the aggregator: the delivery consumer, the rollups, the live
// sums and the operations listener.
//
// Guarantee: what New opens, Run closes; a New that fails closes what it opened.
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

	"weir/aggregator/follow"
	"weir/aggregator/rollup"
	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
	"weir/internal/telemetry"
	"weir/schemas"
)

// Group is the consumer group, whose name stands in deduplication tokens too: another one
// would count everything a second time. A rebuild is another generation.
const (
	Group      = "weir-aggregator"
	generation = 1
)

// Options say what an aggregator works with.
type Options struct {
	Kafka      eventlog.Config
	ClickHouse clickhouse.Config
	Redis      live.Config
	Aggregator Config
	Logger     *slog.Logger
}

// App is an aggregator, ready to run.
type App struct {
	consumer *eventlog.Consumer
	follower *follow.Follower
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
	if err := o.Redis.Validate(); err != nil {
		return nil, err
	}
	if err := o.Aggregator.Validate(); err != nil {
		return nil, err
	}
	registry := telemetry.NewRegistry("aggregator")
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return nil, err
	}
	a.stop.AddCloser("clickhouse", db)

	redis := live.Open(o.Redis, generation)
	a.stop.AddCloser("redis", redis)
	log, err := eventlog.OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	a.stop.Add("log", func(context.Context) error { log.Close(); return nil })
	a.follower = follow.New(follow.Options{
		Redis: redis, Log: log, ExtraTags: o.Aggregator.ExtraTags, Registerer: registry, Logger: o.Logger,
	})

	a.consumer = eventlog.NewConsumer(eventlog.ConsumerOptions{
		Kafka:         o.Kafka,
		Group:         Group,
		Command:       "aggregator offset",
		Prepare:       func(ctx context.Context) error { return control.PrepareLog(ctx, o.Kafka, o.Logger) },
		Generation:    generation,
		Topics:        []schemas.Topic{schemas.TopicUsage},
		Sink:          rollup.NewSink(db, generation, o.Aggregator.ExtraTags),
		Progress:      db.Progress(),
		FlushInterval: o.Aggregator.FlushInterval,
		FlushRows:     o.Aggregator.FlushRows,
		Follower:      a.follower,
		Registerer:    registry,
		Logger:        o.Logger,
	})

	health := new(service.Health)
	health.Add("consumer", a.consumer.Check)
	health.Add("live", a.follower.Check)
	health.Add("clickhouse", func(ctx context.Context) (service.State, map[string]any) {
		if err := db.Ping(ctx); err != nil {
			return service.Degraded, map[string]any{"error": err.Error()}
		}
		return service.OK, nil
	})
	a.ops, err = service.NewOps(o.Aggregator.MetricsListen, health, telemetry.Handler(registry, o.Logger))
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
		service.Task{Name: "live sums", Run: a.follower.Run},
		service.Task{Name: "operations listener", Run: a.ops.Run},
	)
}
