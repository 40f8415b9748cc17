package controllog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/service"
	"weir/schemas"
)

// Bounds of what is read before it is written.
const (
	maxRows  = 10_000
	maxBytes = 8 << 20
)

// Options say what a Follower works with.
type Options struct {
	Kafka eventlog.Config
	DB    *clickhouse.DB
	// Interval between two looks at the log.
	Interval time.Duration
	Logger   *slog.Logger
}

// Follower writes the control log into ClickHouse.
type Follower struct {
	Options

	// These belong to Run.
	state   *control.State
	next    int64                    // offset of the record expected next
	pending *clickhouse.ControlBlock // folded, not written
	bytes   int                      // of pending
	found   bool                     // the topic is there

	mu      sync.Mutex // owns the rest
	written int64      // every record below has its row
	problem error      // nil while it goes on
}

// New returns a follower that has read nothing.
func New(o Options) *Follower {
	return &Follower{Options: o, state: control.NewState(), pending: clickhouse.NewControlBlock()}
}

// stopError is one that waiting does not mend.
type stopError struct{ error }

func (e stopError) Unwrap() error { return e.error }

// Run follows the log until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	log, err := eventlog.OpenLog(f.Kafka, f.Logger)
	if err != nil {
		return err
	}
	defer log.Close()
	tick := time.NewTicker(f.Interval)
	defer tick.Stop()
	for {
		err := f.advance(ctx, log)
		if ctx.Err() != nil {
			return nil
		}
		f.report(err)
		if errors.As(err, new(stopError)) {
			<-ctx.Done()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// report keeps the problem for Check and logs its beginning, not every try.
func (f *Follower) report(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil && errors.As(err, new(stopError)):
		f.Logger.Error("control_log stops", "error", err)
	case err != nil && f.problem == nil:
		f.Logger.Warn("control_log waits", "error", err)
	case err == nil && f.problem != nil:
		f.Logger.Info("control_log goes on", "offset", f.written)
	}
	f.problem = err
}

// advance reads and writes until the end of the log.
func (f *Follower) advance(ctx context.Context, log *eventlog.Log) error {
	if !f.found {
		if err := eventlog.EnsureControlTopic(ctx, f.Kafka, f.Logger); err != nil {
			return err
		}
		f.found = true
	}
	for {
		var end bool
		var readErr error
		if f.pending.Rows() == 0 {
			end, readErr = f.read(ctx, log)
		}
		// What came before a record that stops it has its rows.
		if err := f.write(ctx); err != nil {
			return err
		}
		if readErr != nil || end {
			return readErr
		}
	}
}

var errFull = errors.New("enough to be written")

// read folds records until there is enough to write, and tells whether that was
// the end of the log.
func (f *Follower) read(ctx context.Context, log *eventlog.Log) (end bool, err error) {
	first, last, err := log.Bounds(ctx, schemas.TopicControl, 0)
	switch {
	case err != nil:
		return false, err
	case f.next < first:
		return false, stopError{fmt.Errorf("%s begins at offset %d and offset %d comes next: records of the control log are gone", schemas.TopicControl, first, f.next)}
	case f.next > last:
		return false, stopError{fmt.Errorf("%s ends at offset %d and was read to %d: it is another log than before; %s", schemas.TopicControl, last, f.next, otherLogRemedy)}
	}
	err = log.Range(ctx, schemas.TopicControl, 0, f.next, last, func(r *eventlog.Record) error {
		if err := f.fold(r); err != nil {
			return stopError{fmt.Errorf("%s offset %d: %w", schemas.TopicControl, r.Offset, err)}
		}
		if f.pending.Rows() >= maxRows || f.bytes >= maxBytes {
			return errFull
		}
		return nil
	})
	if errors.Is(err, errFull) {
		return false, nil
	}
	return err == nil, err
}

func (f *Follower) fold(r *eventlog.Record) error {
	record := new(schemas.ControlRecord)
	if err := record.UnmarshalVT(r.Value); err != nil {
		return fmt.Errorf("decode control record: %w", err)
	}
	row, err := rowOf(record)
	if err != nil {
		return err
	}
	v, err := f.state.Apply(record)
	if err != nil {
		return err
	}
	row.Offset, row.Appended = r.Offset, r.Appended
	row.Accepted, row.Repeated, row.Version = v.Accepted, v.Repeated, v.Version
	f.pending.Append(row)
	f.bytes += len(r.Value)
	f.next = r.Offset + 1
	return nil
}

// otherLogRemedy is what to do about a log that was made anew.
const otherLogRemedy = "empty the table control_log_rows and start ingest again"

func (f *Follower) write(ctx context.Context) error {
	if err := f.DB.WriteControlLog(ctx, f.pending); err != nil {
		if errors.Is(err, clickhouse.ErrOtherLog) {
			return stopError{fmt.Errorf("%w; %s", err, otherLogRemedy)}
		}
		return err
	}
	f.pending, f.bytes = clickhouse.NewControlBlock(), 0
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = f.next
	return nil
}

// Check is the readiness of the table: degraded while it does not follow the log.
func (f *Follower) Check(context.Context) (service.State, map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.problem != nil {
		return service.Degraded, map[string]any{"next_offset": f.written, "error": f.problem.Error()}
	}
	return service.OK, map[string]any{"next_offset": f.written}
}
