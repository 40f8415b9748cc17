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
const lookEvery = 20 * time.Millisecond

// Freshness makes rate calls a second on a stack whose ingest flushes every interval, and returns for each
// call how long after the answer's last byte its row was seen in weir.usage.
func Freshness(ctx context.Context, rate int, length, interval time.Duration) (delays []time.Duration, err error) {
	data, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(data)
	stack, err := stacktest.Start(stacktest.Options{Data: data, Env: []string{"WEIR_INGEST__FLUSH_INTERVAL=" + interval.String()}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	gateway, kind := calls.StackTarget(stack), calls.Kinds()[0]
	if _, err := gateway.Pace(ctx, kind, rate, 2*time.Second); err != nil { // warms up
		return nil, err
	}

	looking, stop := context.WithCancel(ctx)
	defer stop()
	seen, failed := make(map[string]time.Time), make(chan error, 1)
	go func() { failed <- look(looking, database{stacktest.URL(stack.ClickHouseHTTP)}, seen) }()
	made, err := gateway.Pace(ctx, kind, rate, length)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(2*interval + 3*time.Second): // for the last rows; what comes later is an error below
	case <-ctx.Done():
	}
	stop()
	if err := <-failed; err != nil {
		return nil, err
	}
	for _, call := range made {
		at, found := seen[call.RequestID]
		if !found {
			return nil, fmt.Errorf("the row of call %q was not seen", call.RequestID)
		}
		delays = append(delays, at.Sub(call.End))
	}
	return delays, nil
}

// look notes when each row of weir.usage was first seen, until ctx ends. It reads what is new only when
// there is something new, by the order in which rows come: by offset, within a partition of the log.
func look(ctx context.Context, db database, seen map[string]time.Time) error {
	rows, next := "0", map[string]string{}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now, err := db.ask(context.WithoutCancel(ctx), countUsage)
		if err != nil {
			return err
		}
		if now == rows {
			continue
		}
		rows = now
		known := []string{"1"}
		for partition, offset := range next {
			known = append(known, fmt.Sprintf("NOT (kafka_partition = %s AND kafka_offset <= %s)", partition, offset))
		}
		text, err := db.ask(context.WithoutCancel(ctx), "SELECT request_id, kafka_partition, kafka_offset FROM weir.usage WHERE "+
			strings.Join(known, " AND ")+" ORDER BY kafka_partition, kafka_offset")
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

// PrintFreshness is one line with the percentiles.
func PrintFreshness(out io.Writer, interval time.Duration, delays []time.Duration) {
	fmt.Fprintf(out, "flush interval %v: p50 %.2f s, p90 %.2f s, p99 %.2f s, most %.2f s (%d calls)\n", interval,
		measure.Percentile(delays, 50).Seconds(), measure.Percentile(delays, 90).Seconds(), measure.Percentile(delays, 99).Seconds(),
		measure.Percentile(delays, 100).Seconds(), len(delays))
}
