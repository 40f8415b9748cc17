package events

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"weir/e2e/bench/measure"
)

// catchUpLimit bounds how long one reader may take.
const catchUpLimit = 30 * time.Minute

// CatchUp is how a reader that had slept came through a backlog, alone.
type CatchUp struct {
	Reader string
	Took   time.Duration
	Own    time.Duration // processor time
	Server time.Duration // of ClickHouse, meanwhile
	Peak   int64         // bytes of memory at most
	// Profile is ClickHouse's own count of what it did meanwhile, by the names of system.events.
	Profile map[string]int
}

// Backlog is the outcome of catching up.
type Backlog struct {
	Events           int
	Readers          []CatchUp
	AsMerged, Merged float64 // bytes on disk of a row of usage: as the inserts left it, and merged into one part
}

// MeasureCatchUp writes a backlog, and lets first ingest and then aggregator wake up and read it.
func MeasureCatchUp(ctx context.Context, events int) (b Backlog, err error) {
	b.Events = events
	err = inWorld(ctx, events, func(w *world) error {
		if err := w.fill(ctx, events); err != nil {
			return err
		}
		for _, r := range []reader{w.process(Ingest, countUsage), w.process(Aggregator, countRollup)} {
			c, err := w.catchUp(ctx, r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			b.Readers = append(b.Readers, c)
		}
		if b.AsMerged, err = w.rowBytes(ctx); err != nil {
			return err
		}
		if _, err := w.db.ask(ctx, "OPTIMIZE TABLE weir.usage FINAL"); err != nil {
			return err
		}
		b.Merged, err = w.rowBytes(ctx)
		return err
	})
	return b, err
}

func (w *world) catchUp(ctx context.Context, r reader) (c CatchUp, err error) {
	c.Reader = r.name
	server, err := w.stack.Pid("clickhouse")
	if err != nil {
		return c, err
	}
	if err := w.rest(ctx, server); err != nil {
		return c, err
	}
	before, err := measure.CPU(server)
	if err != nil {
		return c, err
	}
	pid, err := w.stack.Pid(r.own)
	if err != nil {
		return c, err
	}
	if c.Own, err = measure.CPU(pid); err != nil {
		return c, err
	}
	profile, err := w.profile(ctx)
	if err != nil {
		return c, err
	}
	began := time.Now()
	if err := r.begin(ctx); err != nil {
		return c, err
	}
	if err := w.await(ctx, r.group, catchUpLimit); err != nil {
		return c, err
	}
	c.Took = time.Since(began)
	own, err := measure.CPU(pid)
	if err != nil {
		return c, err
	}
	c.Own = own - c.Own
	if c.Peak, err = measure.PeakResident(pid); err != nil {
		return c, err
	}
	if err := r.end(ctx); err != nil {
		return c, err
	}
	if err := w.rest(ctx, server); err != nil {
		return c, err
	}
	after, err := measure.CPU(server)
	if err != nil {
		return c, err
	}
	c.Server = after - before
	if c.Profile, err = w.profile(ctx); err != nil {
		return c, err
	}
	for name := range c.Profile {
		c.Profile[name] -= profile[name]
	}
	return c, w.complete(ctx, r.count)
}

// Print prints a line for each reader.
func (b Backlog) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d events\ts\tevents/s\tCPU-s\tof ClickHouse\tpeak MB\t\n", b.Events)
	for _, c := range b.Readers {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f\t%.1f\t%.0f\t\n", c.Reader, c.Took.Seconds(), float64(b.Events)/c.Took.Seconds(),
			c.Own.Seconds(), c.Server.Seconds(), float64(c.Peak)/measure.MB)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "a row of usage on disk: %.1f bytes as merged so far, %.1f in one part\n", b.AsMerged, b.Merged)
	return err
}

// profile is ClickHouse's counts of inserts and merges so far: rows, parts and milliseconds by what they
// were spent on.
func (w *world) profile(ctx context.Context) (map[string]int, error) {
	text, err := w.db.ask(ctx, statement("profile"))
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if counts[name], err = strconv.Atoi(value); err != nil {
			return nil, fmt.Errorf("read what ClickHouse did: %w", err)
		}
	}
	return counts, nil
}

// PrintProfile prints what ClickHouse did for each reader.
func (b Backlog) PrintProfile(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range b.Readers {
		for _, name := range slices.Sorted(maps.Keys(c.Profile)) {
			fmt.Fprintf(w, "%s\t%s\t%d\t\n", c.Reader, name, c.Profile[name])
		}
	}
	return w.Flush()
}
