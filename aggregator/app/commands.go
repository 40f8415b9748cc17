package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"weir/aggregator/rebuild"
	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
	"weir/internal/telemetry"
	"weir/schemas"
)

// reachLimit is how long a command waits for Kafka and for ClickHouse before it
// gives up; a rebuild that has begun waits for ever.
const reachLimit = 15 * time.Second

// command runs fn with everything open and reachable.
func (o Options) command(ctx context.Context, fn func(db *clickhouse.DB, log *eventlog.Log) error) (err error) {
	var stop service.Cleanups
	defer func() { err = errors.Join(err, stop.Run(ctx, service.StopLimit)) }()
	db, log, err := o.open(&stop)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	if err := db.Ping(limited); err != nil {
		return fmt.Errorf("reach clickhouse at %s: %w", o.ClickHouse.Addr, err)
	}
	if err := log.ReachWithin(ctx, reachLimit); err != nil {
		return err
	}
	return fn(db, log)
}

// Rebuild makes the next generation from the whole log, switches to it and tells
// a person so.
func Rebuild(ctx context.Context, o Options, out io.Writer) error {
	return o.command(ctx, func(db *clickhouse.DB, log *eventlog.Log) error {
		result, err := rebuild.Run(ctx, rebuild.Options{
			Log: log, Tables: db, FlushInterval: o.Aggregator.FlushInterval, Command: o.Command, Logger: o.Logger,
			Deliver: func(ctx context.Context, generation int) error {
				return newWorker(o, db, log, generation, true, telemetry.NewRegistry("aggregator")).run(ctx)
			},
			LiveWhole: func(ctx context.Context, generation, partitions int) (bool, error) {
				redis := live.Open(o.Redis, generation).Aside()
				defer func() { _ = redis.Close() }()
				return redis.Restored(ctx, partitions)
			},
		})
		if err == nil {
			_, err = fmt.Fprintln(out, result)
		}
		return err
	})
}

// Drop removes a generation that does not serve.
func Drop(ctx context.Context, o Options, generation int) error {
	return o.command(ctx, func(db *clickhouse.DB, log *eventlog.Log) error {
		if err := rebuild.Drop(ctx, rebuild.Options{Log: log, Tables: db}, generation); err != nil {
			return err
		}
		redis := live.Open(o.Redis, generation)
		defer func() { _ = redis.Close() }()
		if err := redis.Forget(ctx); err != nil {
			o.Logger.Warn("Redis is away; a small key of the generation stays in it", "generation", generation, "error", err)
		}
		o.Logger.Info("dropped", "generation", generation)
		return nil
	})
}

// SetOffset sets where the group of a generation goes on; 0 is the one that
// serves. A generation without a table has no group that could go on.
func SetOffset(ctx context.Context, o Options, command eventlog.OffsetCommand, generation int) error {
	return o.command(ctx, func(db *clickhouse.DB, _ *eventlog.Log) error {
		g, err := db.Generations(ctx)
		if err != nil {
			return err
		}
		if generation == 0 {
			generation = g.Active
		}
		if !g.Has(generation) {
			return fmt.Errorf("there is no generation %d; tables there are of %d, and %d serves", generation, g.Tables, g.Active)
		}
		return command.Set(ctx, o.Kafka, schemas.GroupAggregator(generation), []schemas.Topic{schemas.TopicUsage}, o.Logger)
	})
}
