package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/aggregator/follow"
	"weir/aggregator/rollup"
	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
	"weir/schemas"
)

// worker delivers one generation: its rollups, and its live sums behind them.
type worker struct {
	generation int
	redis      *live.Store
	consumer   *eventlog.Consumer
	follower   *follow.Follower
	note       func(context.Context) error // which extra entries count as tags
}

// newWorker returns the worker of a generation. Aside says that it is being made
// while another one serves.
func newWorker(o Options, db *clickhouse.DB, log *eventlog.Log, generation int, aside bool, r prometheus.Registerer) *worker {
	w := &worker{generation: generation, redis: live.Open(o.Redis, generation)}
	if aside {
		w.redis = w.redis.Aside()
	}
	w.note = func(ctx context.Context) error { return db.SetExtraTags(ctx, generation, o.Aggregator.ExtraTags) }
	w.follower = follow.New(follow.Options{
		Redis: w.redis, Log: log, ExtraTags: o.Aggregator.ExtraTags, Aside: aside, Registerer: r, Logger: o.Logger,
	})
	w.consumer = eventlog.NewConsumer(eventlog.ConsumerOptions{
		Kafka:         o.Kafka,
		Group:         schemas.GroupAggregator(generation),
		Command:       fmt.Sprintf("aggregator offset --generation %d", generation),
		Prepare:       func(ctx context.Context) error { return control.PrepareLog(ctx, o.Kafka, o.Logger) },
		Generation:    generation,
		Topics:        []schemas.Topic{schemas.TopicUsage},
		Sink:          rollup.NewSink(db, generation, o.Aggregator.ExtraTags),
		Progress:      db.Progress(),
		FlushInterval: o.Aggregator.FlushInterval,
		FlushRows:     o.Aggregator.FlushRows,
		Follower:      w.follower,
		Registerer:    r,
		Logger:        o.Logger,
	})
	return w
}

// run delivers until ctx ends, then writes and commits what was read and leaves
// the group.
func (w *worker) run(ctx context.Context) error {
	var stop service.Cleanups
	stop.AddCloser("redis", w.redis)
	return service.RunTasks(ctx, &stop,
		service.Task{Name: "consumer", Run: w.consumer.Run},
		service.Task{Name: "live sums", Run: w.follower.Run},
		service.Task{Name: "extra tags", Run: w.noteExtraTags},
	)
}

// noteEvery is how often a ClickHouse that is away is tried again.
const noteEvery = 2 * time.Second

// noteExtraTags notes at the table of the rollups what is counted as a tag in
// it, once ClickHouse answers.
func (w *worker) noteExtraTags(ctx context.Context) error {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for w.note(ctx) != nil { // what is wrong with ClickHouse, the consumer says
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}
