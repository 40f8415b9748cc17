package calls

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"weir/e2e/bench/measure"
)

// Latency is how long calls of one kind took, by target: to the first byte of the answer's body and to
// its last.
type Latency struct {
	Kind
	First, End map[string][]time.Duration
}

// Latency measures each kind of call at the plan's rate.
func (p Plan) Latency(ctx context.Context, pair Pair) ([]Latency, error) {
	var list []Latency
	for _, k := range Kinds() {
		l := Latency{k, map[string][]time.Duration{}, map[string][]time.Duration{}}
		err := pair.turns(p.Rounds, func(t Target, round int) error {
			calls, err := t.Pace(ctx, k, p.Rate, p.Length)
			if err != nil || round < 0 {
				return err
			}
			for _, c := range calls {
				l.First[t.Name] = append(l.First[t.Name], c.First.Sub(c.Sent))
				l.End[t.Name] = append(l.End[t.Name], c.End.Sub(c.Sent))
			}
			return measure.Settle(ctx, pair.Behind...)
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
		list = append(list, l)
	}
	return list, nil
}

// PrintLatencies prints percentiles of both targets, and how much the gateway adds: the difference of the
// percentiles.
func PrintLatencies(out io.Writer, pair Pair, list []Latency) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ms\tp50\tadded\tp99\tadded\t")
	for _, l := range list {
		for i, values := range []map[string][]time.Duration{l.First, l.End} {
			name := []string{"first token", "whole answer"}[i]
			if i == 0 && !l.Stream {
				continue // it comes with the rest
			}
			for _, t := range []Target{pair.Bare, pair.Gateway} {
				if len(values[t.Name]) == 0 {
					continue
				}
				fmt.Fprintf(w, "%s, %s, %s\t", l.Name, name, t.Name)
				for _, percent := range []float64{50, 99} {
					value, added := measure.Percentile(values[t.Name], percent), ""
					if bare := values[pair.Bare.Name]; len(bare) > 0 && t.Name != pair.Bare.Name {
						added = fmt.Sprintf("%.2f", millis(value-measure.Percentile(bare, percent)))
					}
					fmt.Fprintf(w, "%.2f\t%s\t", millis(value), added)
				}
				fmt.Fprintln(w)
			}
		}
	}
	return w.Flush()
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
