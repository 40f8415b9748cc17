package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"weir/e2e/bench/measure"
	"weir/e2e/stacktest"
)

// countUsage and countRollup tell how many usage events have been delivered by ingest and by aggregator.
const (
	countUsage  = "SELECT count() FROM weir.usage"
	countRollup = "SELECT sum(requests) FROM weir.spend_by_key_1m"
)

// world is a stack whose readers read only while they are let.
type world struct {
	stack  *stacktest.Stack
	data   string
	db     database
	topic  *topic
	events *generator
	filled int // events in the topic
}

// inWorld starts a stack and holds its readers back, runs, and stops it. So many events will be written.
func inWorld(ctx context.Context, events int, run func(*world) error) (err error) {
	data, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(data)
	// The Kafka table engine looks for its schema in the working directory of ClickHouse.
	proto, err := os.ReadFile(filepath.Join(schema, schemaFile))
	if err != nil {
		return fmt.Errorf("read the events' schema (run this in the e2e folder): %w", err)
	}
	if err := os.WriteFile(filepath.Join(data, filepath.Base(schemaFile)), proto, 0o600); err != nil {
		return fmt.Errorf("copy the events' schema: %w", err)
	}
	w := &world{data: data}
	if w.events, err = newGenerator(ctx, events); err != nil {
		return err
	}
	if w.stack, err = stacktest.Start(stacktest.Options{Data: data, Dir: data}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stack.Stop()) }()
	w.db = database{stacktest.URL(w.stack.ClickHouseHTTP)}
	if w.topic, err = openTopic(ctx, w.stack.Kafka); err != nil {
		return err
	}
	defer w.topic.client.Close()
	// A stopped process would not hear that it is to end.
	defer func() { err = errors.Join(err, w.signal(syscall.SIGCONT)) }()
	if err := w.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return run(w)
}

// signal sends a signal to both readers.
func (w *world) signal(signal syscall.Signal) error {
	return errors.Join(w.stack.Signal(Ingest, signal), w.stack.Signal(Aggregator, signal))
}

func (w *world) fill(ctx context.Context, events int) error {
	w.filled += events
	return w.topic.fill(ctx, w.events, events)
}

// await waits until a consumer group has committed every event in the topic.
func (w *world) await(ctx context.Context, group string, limit time.Duration) error {
	return stacktest.Until(ctx, limit, func() error {
		behind, err := w.topic.behind(ctx, group)
		if err != nil {
			return stacktest.Final(err)
		}
		if behind > 0 {
			return fmt.Errorf("%s is %d events behind", group, behind)
		}
		return nil
	})
}

// complete is an error when a query does not count every event in the topic.
func (w *world) complete(ctx context.Context, count string) error {
	rows, err := w.db.number(ctx, count)
	if err == nil && rows != w.filled {
		err = fmt.Errorf("%s: %d of %d events", count, rows, w.filled)
	}
	return err
}

// rest waits until ClickHouse merges nothing and the processes are idle. It asks rarely, since the answer
// costs what is being measured.
func (w *world) rest(ctx context.Context, pids ...int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("ClickHouse has been merging for two minutes"))
	defer cancel()
	ticker := time.NewTicker(400 * time.Millisecond)
	defer ticker.Stop()
	for merges := 1; merges > 0; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		var err error
		if merges, err = w.db.number(ctx, "SELECT count() FROM system.merges"); err != nil {
			return err
		}
	}
	return measure.Settle(ctx, pids...)
}
