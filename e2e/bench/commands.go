package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"weir/e2e/bench/calls"
	"weir/e2e/bench/events"
	"weir/e2e/bench/measure"
	"weir/e2e/stacktest"
)

// onStack runs on the gateway of a stack and a bare proxy in front of the same provider.
func onStack(ctx context.Context, run func(context.Context, calls.Pair) error) (err error) {
	data, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(data)
	stack, err := stacktest.Start(stacktest.Options{Data: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bare, err := calls.StartBare(ctx, strings.TrimSuffix(stacktest.URL(stack.Provider), "/v1"))
	if err != nil {
		return err
	}
	behind := []int{stack.Pids["ingest"], stack.Pids["aggregator"], stack.Pids["clickhouse"]}
	return run(ctx, calls.Pair{Gateway: calls.StackTarget(stack), Bare: bare, Behind: behind})
}

func proxy(ctx context.Context, o options) error {
	return onStack(ctx, func(ctx context.Context, pair calls.Pair) error { return overhead(ctx, o, pair) })
}

func overhead(ctx context.Context, o options, pair calls.Pair) error {
	list, err := o.calls.Overhead(ctx, pair)
	if err != nil {
		return err
	}
	fmt.Printf("%d rounds of %v with %d calls in flight, %d cores, %s\n", o.rounds, o.calls.Length, o.calls.Callers, runtime.NumCPU(), runtime.Version())
	return calls.PrintOverheads(os.Stdout, pair, list)
}

func latency(ctx context.Context, o options) error {
	return onStack(ctx, func(ctx context.Context, pair calls.Pair) error { return delays(ctx, o, pair) })
}

func delays(ctx context.Context, o options, pair calls.Pair) error {
	plan := o.calls
	plan.Rate, plan.Length = rate(o, 200), 5*plan.Length
	list, err := plan.Latency(ctx, pair)
	if err != nil {
		return err
	}
	fmt.Printf("%d rounds of %v at %d calls a second\n", plan.Rounds, plan.Length, plan.Rate)
	return calls.PrintLatencies(os.Stdout, pair, list)
}

func rate(o options, usual int) int {
	if o.calls.Rate > 0 {
		return o.calls.Rate
	}
	return usual
}

func streams(ctx context.Context, o options) error {
	return onStack(ctx, func(ctx context.Context, pair calls.Pair) error { return memory(ctx, o, pair) })
}

func memory(ctx context.Context, o options, pair calls.Pair) error {
	for _, t := range []calls.Target{pair.Bare, pair.Gateway} {
		if len(t.Pids) == 0 {
			continue
		}
		m, err := t.Streams(ctx, o.streams, 5*o.calls.Length)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		fmt.Printf("%s: %.0f MB before, at most %.0f MB with %d streams open\n", t.Name, float64(m.Idle)/measure.MB, float64(m.Open)/measure.MB, o.streams)
	}
	return nil
}

func gateway(ctx context.Context, o options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pair := calls.Pair{Gateway: o.gateway}
	if o.upstream != "" {
		bare, err := calls.StartBare(ctx, strings.TrimSuffix(strings.TrimSuffix(o.upstream, "/"), "/v1"))
		if err != nil {
			return err
		}
		bare.Model = o.gateway.Model
		pair.Bare = bare
	}
	for _, measure := range []func(context.Context, options, calls.Pair) error{memory, overhead, delays} {
		if err := measure(ctx, o, pair); err != nil {
			return err
		}
	}
	return nil
}

func ingest(ctx context.Context, o options) error {
	return readers(ctx, o, events.KafkaEngine, events.Ingest, events.ReadyFile)
}

func aggregator(ctx context.Context, o options) error {
	return readers(ctx, o, events.Ingest, events.Aggregator)
}

func readers(ctx context.Context, o options, names ...string) error {
	costs, err := events.Plan{Rounds: o.rounds, Events: o.events}.Measure(ctx, names...)
	if err != nil {
		return err
	}
	fmt.Printf("%d rounds of %d events\n", o.rounds, o.events)
	return costs.Print(os.Stdout)
}

func freshness(ctx context.Context, o options) error {
	for _, interval := range o.flush {
		f, err := events.MeasureFreshness(ctx, rate(o, 500), 5*o.calls.Length, interval)
		if err != nil {
			return err
		}
		f.Print(os.Stdout)
	}
	return nil
}

func catchUp(ctx context.Context, o options) error {
	backlog, err := events.MeasureCatchUp(ctx, o.backlog)
	if err != nil {
		return err
	}
	if err := backlog.Print(os.Stdout); err != nil || !o.profile {
		return err
	}
	return backlog.PrintProfile(os.Stdout)
}

// check is short enough for every change and judges ratios alone: noise meets both sides of them.
func check(ctx context.Context, o options) error {
	plan := calls.Plan{Rounds: 3, Length: time.Second, Callers: o.calls.Callers}
	var list []error
	err := onStack(ctx, func(ctx context.Context, pair calls.Pair) error {
		overheads, err := plan.Overhead(ctx, pair)
		if err != nil {
			return err
		}
		for _, o := range overheads {
			list = append(list, o.Check(pair))
		}
		return calls.PrintOverheads(os.Stdout, pair, overheads)
	})
	if err != nil {
		return err
	}
	// Fewer events would end in the midst of the first merges and before a batch is full.
	readers := events.Plan{Rounds: 4, Events: 400_000}
	names := []string{events.KafkaEngine, events.Ingest, events.Aggregator}
	costs, err := readers.Measure(ctx, names...)
	if err != nil {
		return err
	}
	if costs.Check() != nil {
		// Merges fall where they will: what is too high counts together with as many rounds more.
		more, err := readers.Measure(ctx, names...)
		if err != nil {
			return err
		}
		costs.Add(more)
	}
	return errors.Join(append(list, costs.Print(os.Stdout), costs.Check())...)
}
