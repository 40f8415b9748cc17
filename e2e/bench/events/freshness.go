package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"weir/e2e/bench/calls"
	"weir/e2e/bench/measure"
	"weir/e2e/stacktest"
)

// lookEvery is how often weir.usage is looked at for new rows: a delay is seen at most that much too long.
const lookEvery = 40 * time.Millisecond

// Freshness is how long rows took, and what that took of the machine.
type Freshness struct {
	Interval time.Duration   // between two flushes of ingest
	Delays   []time.Duration // of each call: from its answer's last byte until its row was seen in weir.usage
	Cores    map[string]float64
}

// parts are the processes whose share of the machine is shown.
func parts() []string { return []string{"gateway", "kafka", Ingest, Aggregator, "clickhouse"} }

// MeasureFreshness makes rate calls a second on a stack whose ingest flushes every interval.
func MeasureFreshness(ctx context.Context, rate int, length, interval time.Duration) (f Freshness, err error) {
	f.Interval = interval
	data, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return f, fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(data)
	stack, err := stacktest.Start(stacktest.Options{Data: data, Env: []string{"WEIR_INGEST__FLUSH_INTERVAL=" + interval.String()}})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	gateway, kind := calls.StackTarget(stack), calls.Kinds()[0]
	if _, err := gateway.Pace(ctx, kind, rate, 2*time.Second); err != nil { // warms up
		return f, err
	}

	looking, stop := context.WithCancel(ctx)
	defer stop()
	seen, failed := make(map[string]time.Time), make(chan error, 1)
	go func() { failed <- look(looking, database{stacktest.URL(stack.ClickHouseHTTP)}, seen) }()
	before, err := partTimes(stack)
	if err != nil {
		return f, err
	}
	began := time.Now()
	made, err := gateway.Pace(ctx, kind, rate, length)
	if err != nil {
		return f, err
	}
	took := time.Since(began)
	after, err := partTimes(stack)
	if err != nil {
		return f, err
	}
	f.Cores = make(map[string]float64)
	for name, used := range after {
		f.Cores[name] = (used - before[name]).Seconds() / took.Seconds()
	}
	select {
	case <-time.After(2*interval + 3*time.Second): // for the last rows; what comes later is an error below
	case <-ctx.Done():
	}
	stop()
	if err := <-failed; err != nil {
		return f, err
	}
	for _, call := range made {
		at, found := seen[call.RequestID]
		if !found {
			return f, fmt.Errorf("the row of call %q was not seen", call.RequestID)
		}
		f.Delays = append(f.Delays, at.Sub(call.End))
	}
	return f, nil
}

func partTimes(stack *stacktest.Stack) (map[string]time.Duration, error) {
	used := make(map[string]time.Duration)
	for _, name := range parts() {
		pid, err := stack.Pid(name)
		if err != nil {
			return nil, err
		}
		if used[name], err = measure.CPU(pid); err != nil {
			return nil, err
		}
	}
	return used, nil
}

// look notes when each row of weir.usage was first seen, until ctx ends. It asks for what is new by the
// order in which rows come: by offset, within a partition of the log.
func look(ctx context.Context, db database, seen map[string]time.Time) error {
	next := map[string]string{}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		known := []string{"1"}
		for partition, offset := range next {
			known = append(known, fmt.Sprintf("NOT (kafka_partition = %s AND kafka_offset <= %s)", partition, offset))
		}
		text, err := db.ask(context.WithoutCancel(ctx), "SELECT request_id, kafka_partition, kafka_offset FROM weir.usage WHERE "+
			strings.Join(known, " AND ")+" ORDER BY kafka_partition, kafka_offset SETTINGS max_threads = 1")
		if err != nil {
			return err
		}
		at := time.Now()
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			if len(fields) != 3 {
				return fmt.Errorf("read new rows: %q", line)
			}
			seen[fields[0]], next[fields[1]] = at, fields[2]
		}
	}
}

// Print prints the percentiles, and how many cores each part kept busy.
func (f Freshness) Print(out io.Writer) {
	fmt.Fprintf(out, "flush interval %v: p50 %.2f s, p90 %.2f s, p99 %.2f s, most %.2f s (%d calls); cores:", f.Interval,
		measure.Percentile(f.Delays, 50).Seconds(), measure.Percentile(f.Delays, 90).Seconds(), measure.Percentile(f.Delays, 99).Seconds(),
		measure.Percentile(f.Delays, 100).Seconds(), len(f.Delays))
	for _, name := range parts() {
		fmt.Fprintf(out, " %s %.2f", name, f.Cores[name])
	}
	fmt.Fprintln(out)
}
