package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"weir/e2e/stacktest"
)

// plan is how much is measured.
type plan struct {
	rounds  int
	length  time.Duration
	callers int
}

// target is a proxy under measurement.
type target struct {
	name    string
	address string
	pid     int
	prefix  string // of the model's name
	key     string
}

// kind is a sort of call.
type kind struct {
	name  string
	model string // with the mock provider's options
	more  string // put into the body
}

func kinds() []kind {
	// A body of about 1 kB, answered by as much; and a stream of 32 content chunks.
	return []kind{
		{"plain, 1 kB", "small:in=200,out=100", `,"metadata":{"padding":"` + strings.Repeat("w", 500) + `","more":"` + strings.Repeat("v", 380) + `"}`},
		{"streamed, 32 chunks", "small:in=200,out=64,chunks=32", stacktest.Streamed},
	}
}

// figure is the outcome of a round.
type figure struct {
	perCall    time.Duration // processor time
	throughput float64       // calls a second
}

// outcome are the rounds of one kind, those of the bare proxy and of the gateway side by side.
type outcome struct {
	kind          string
	bare, gateway []figure
}

// ratios are the outcomes of all kinds.
type ratios []outcome

// run starts everything, measures and prints.
func (p plan) run(ctx context.Context) (ratios, error) {
	data, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(data)
	stack, err := stacktest.Start(stacktest.Options{Data: data})
	if err != nil {
		return nil, err
	}
	list, err := p.measure(ctx, stack)
	if err := errors.Join(err, stack.Stop()); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stdout, "%d rounds of %v with %d calls in flight, %d cores, %s\n\n", p.rounds, p.length, p.callers, runtime.NumCPU(), runtime.Version())
	return list, list.print()
}

func (p plan) measure(ctx context.Context, stack *stacktest.Stack) (ratios, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	upstream := strings.TrimSuffix(stacktest.URL(stack.Provider), "/v1")
	bareAddress, barePid, err := startBare(ctx, upstream)
	if err != nil {
		return nil, err
	}
	bareProxy := target{"bare proxy", bareAddress, barePid, "", "none"}
	gateway := target{"gateway", strings.TrimPrefix(stack.Gateway, "http://"), stack.Pids["gateway"], "mock/", stack.APIKey}
	readers := []int{stack.Pids["ingest"], stack.Pids["aggregator"], stack.Pids["clickhouse"]}
	var list ratios
	for _, k := range kinds() {
		o := outcome{kind: k.name}
		for round := -1; round < p.rounds; round++ { // the first one warms up
			order := []target{bareProxy, gateway}
			if round%2 == 0 {
				order = []target{gateway, bareProxy}
			}
			for _, t := range order {
				f, err := p.round(ctx, t, k, readers)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", t.name, k.name, err)
				}
				if round < 0 {
					continue
				}
				if t.name == bareProxy.name {
					o.bare = append(o.bare, f)
				} else {
					o.gateway = append(o.gateway, f)
				}
			}
		}
		list = append(list, o)
	}
	return list, nil
}

// round measures one target once. What the target still does when the last call is answered counts for
// its processor time; the servers behind it are let come to rest, so that the next round begins alike.
func (p plan) round(ctx context.Context, t target, k kind, readers []int) (figure, error) {
	before, err := cpu(t.pid)
	if err != nil {
		return figure{}, err
	}
	body := stacktest.ChatBody(t.prefix+k.model, k.more)
	calls, took, err := drive(ctx, t.address, request(t.address, t.key, body), p.callers, p.length)
	if err != nil {
		return figure{}, err
	}
	if err := settle(ctx, t.pid); err != nil {
		return figure{}, err
	}
	after, err := cpu(t.pid)
	if err != nil {
		return figure{}, err
	}
	if err := settle(ctx, readers...); err != nil {
		return figure{}, err
	}
	return figure{(after - before) / time.Duration(calls), float64(calls) / took.Seconds()}, nil
}

// cpuRatio and throughputRatio are the medians over the rounds of the gateway's figure divided by its
// neighbour's.
func (o outcome) cpuRatio() float64 {
	return o.median(func(i int) float64 { return float64(o.gateway[i].perCall) / float64(o.bare[i].perCall) })
}

func (o outcome) throughputRatio() float64 {
	return o.median(func(i int) float64 { return o.gateway[i].throughput / o.bare[i].throughput })
}

func (o outcome) median(value func(round int) float64) float64 {
	values := make([]float64, len(o.bare))
	for i := range values {
		values[i] = value(i)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// print prints the medians of both and the ratios.
func (r ratios) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tbare µs/call\tgateway µs/call\tratio\tbare calls/s\tgateway calls/s\tratio\t")
	for _, o := range r {
		micros := func(list []figure) float64 {
			return o.median(func(i int) float64 { return float64(list[i].perCall) / float64(time.Microsecond) })
		}
		rate := func(list []figure) float64 { return o.median(func(i int) float64 { return list[i].throughput }) }
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\t\n", o.kind, micros(o.bare), micros(o.gateway), o.cpuRatio(),
			rate(o.bare), rate(o.gateway), o.throughputRatio())
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// check is an error when a ratio is not what is demanded.
func (r ratios) check() error {
	var list []error
	for _, o := range r {
		if ratio := o.cpuRatio(); ratio > maxCPU {
			list = append(list, fmt.Errorf("%s: %.2f times the processor time of a bare proxy, more than %.2f", o.kind, ratio, maxCPU))
		}
		if ratio := o.throughputRatio(); ratio < minThroughput {
			list = append(list, fmt.Errorf("%s: %.2f times the throughput of a bare proxy, less than %.2f", o.kind, ratio, minThroughput))
		}
	}
	return errors.Join(list...)
}
