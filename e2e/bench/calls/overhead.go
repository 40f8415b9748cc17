package calls

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"weir/e2e/bench/measure"
)

// maxCPU is what the gateway's processor time may be as a multiple of the bare proxy's.
const maxCPU = 1.6

// Plan is how much is measured.
type Plan struct {
	Rounds  int           // of each kind of call and target; one more warms up
	Length  time.Duration // of a round
	Callers int           // calls in flight, where throughput is measured
	Rate    int           // calls a second, where latency is
}

// Pair is a gateway and the bare proxy beside it, which may be missing (no Pids).
type Pair struct {
	Gateway, Bare Target
	Behind        []int // processes that go on working when the calls are answered
}

// turns gives a measurement to both targets in each round, in changing order, and to neither in the first,
// which warms up.
func (p Pair) turns(rounds int, measure func(t Target, round int) error) error {
	for round := -1; round < rounds; round++ {
		order := []Target{p.Bare, p.Gateway}
		if round%2 == 0 {
			order = []Target{p.Gateway, p.Bare}
		}
		for _, t := range order {
			if len(t.Pids) == 0 {
				continue
			}
			if err := measure(t, round); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// Overhead is what calls of one kind cost, by target and round.
type Overhead struct {
	Kind       string
	PerCall    map[string][]time.Duration // processor time
	Throughput map[string][]float64       // calls a second
}

// Overhead measures each kind of call.
func (p Plan) Overhead(ctx context.Context, pair Pair) ([]Overhead, error) {
	var list []Overhead
	for _, k := range Kinds() {
		o := Overhead{k.Name, map[string][]time.Duration{}, map[string][]float64{}}
		err := pair.turns(p.Rounds, func(t Target, round int) error {
			perCall, throughput, err := p.round(ctx, t, k, pair.Behind)
			if err == nil && round >= 0 {
				o.PerCall[t.Name], o.Throughput[t.Name] = append(o.PerCall[t.Name], perCall), append(o.Throughput[t.Name], throughput)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
		list = append(list, o)
	}
	return list, nil
}

// round measures one target once. What the target still does when the last call is answered counts for
// its processor time; the servers behind it are let come to rest, so that the next round begins alike.
func (p Plan) round(ctx context.Context, t Target, k Kind, behind []int) (perCall time.Duration, throughput float64, err error) {
	before, err := measure.CPU(t.Pids...)
	if err != nil {
		return 0, 0, err
	}
	calls, took, err := t.drive(ctx, k, p.Callers, p.Length)
	if err != nil {
		return 0, 0, err
	}
	if err := measure.Settle(ctx, t.Pids...); err != nil {
		return 0, 0, err
	}
	after, err := measure.CPU(t.Pids...)
	if err != nil {
		return 0, 0, err
	}
	if err := measure.Settle(ctx, behind...); err != nil {
		return 0, 0, err
	}
	return (after - before) / time.Duration(calls), float64(calls) / took.Seconds(), nil
}

// CPURatio is the gateway's processor time for a call divided by its neighbour's, the median over the rounds.
func (o Overhead) CPURatio(p Pair) float64 {
	return measure.Median(measure.Ratios(o.PerCall[p.Gateway.Name], o.PerCall[p.Bare.Name]))
}

// ThroughputRatio is the same of calls a second.
func (o Overhead) ThroughputRatio(p Pair) float64 {
	return measure.Median(measure.Ratios(o.Throughput[p.Gateway.Name], o.Throughput[p.Bare.Name]))
}

// Check is an error when the ratio of processor times is not what is demanded.
func (o Overhead) Check(p Pair) error {
	if ratio := o.CPURatio(p); ratio > maxCPU {
		return fmt.Errorf("%s: %.2f times the processor time of a bare proxy, more than %.2f", o.Kind, ratio, maxCPU)
	}
	return nil
}

// PrintOverheads prints the medians of all targets, and the ratios where there are two.
func PrintOverheads(out io.Writer, pair Pair, list []Overhead) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tCPU-µs a call\tratio\tcalls a second\tratio\t")
	for _, o := range list {
		for _, t := range []Target{pair.Bare, pair.Gateway} {
			if len(o.PerCall[t.Name]) == 0 {
				continue
			}
			cpuRatio, throughputRatio := "", ""
			if t.Name == pair.Gateway.Name && len(pair.Bare.Pids) > 0 {
				cpuRatio, throughputRatio = fmt.Sprintf("%.2f", o.CPURatio(pair)), fmt.Sprintf("%.2f", o.ThroughputRatio(pair))
			}
			fmt.Fprintf(w, "%s, %s\t%d\t%s\t%.0f\t%s\t\n", o.Kind, t.Name, measure.Median(o.PerCall[t.Name]).Microseconds(), cpuRatio,
				measure.Median(o.Throughput[t.Name]), throughputRatio)
		}
	}
	return w.Flush()
}
