package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"weir/e2e/bench/measure"
)

// limits are what a reader may cost as a multiple of another one, ClickHouse's part included.
func limits() []limit {
	return []limit{{Ingest, KafkaEngine, 0.5}, {Aggregator, Ingest, 1}}
}

type limit struct {
	of, by string
	most   float64
}

// Plan is how much is measured.
type Plan struct {
	Rounds int // measured ones; one more warms up
	Events int // of each round
}

// Costs are the costs of a reader in each round, by its name.
type Costs map[string][]Cost

// The readers, in the order of the printed table.
const (
	KafkaEngine = "Kafka engine"
	Ingest      = "ingest"
	Aggregator  = "aggregator"
	ReadyFile   = "ready file"
)

// Measure lets the readers of those names take turns over the same events. A ready file needs ingest
// beside it, whose rows it has.
func (p Plan) Measure(ctx context.Context, names ...string) (costs Costs, err error) {
	err = inWorld(ctx, (p.Rounds+1)*p.Events, func(w *world) error {
		if err := w.prepare(ctx); err != nil {
			return err
		}
		var readers, last []reader
		var tables []string // of facts, which must hold the same
		for _, name := range names {
			switch name {
			case Ingest:
				readers, tables = append(readers, w.process(Ingest, countUsage)), append(tables, "weir.usage")
			case Aggregator:
				readers = append(readers, w.process(Aggregator, countRollup))
			case KafkaEngine:
				readers, tables = append(readers, w.engine()), append(tables, "bench.from_kafka")
			case ReadyFile:
				last, tables = append(last, w.file(p.Events)), append(tables, "bench.from_file")
			default:
				return fmt.Errorf("there is no reader %q", name)
			}
		}
		if costs, err = w.rounds(ctx, readers, last, p.Rounds, p.Events); err != nil {
			return err
		}
		return w.compare(ctx, tables...)
	})
	return costs, err
}

// ratio is the cost of one reader as a multiple of another's, over all rounds together: ClickHouse merges now
// and then and not in every round, and seen in one table 27 CPU-s a million in one round and 6 in the next.
func (c Costs) ratio(of, by string) float64 {
	return float64(measure.Mean(c.totals(of))) / float64(measure.Mean(c.totals(by)))
}

// Add takes further rounds in.
func (c Costs) Add(more Costs) {
	for name, list := range more {
		c[name] = append(c[name], list...)
	}
}

// Check is an error when a ratio is not what is demanded.
func (c Costs) Check() error {
	var list []error
	for _, limit := range limits() {
		if ratio := c.ratio(limit.of, limit.by); ratio > limit.most {
			list = append(list, fmt.Errorf("%s costs %.2f times as much as %s, more than %.2f", limit.of, ratio, limit.by, limit.most))
		}
	}
	return errors.Join(list...)
}

func (c Costs) totals(name string) []time.Duration {
	var list []time.Duration
	for _, cost := range c[name] {
		list = append(list, cost.Total())
	}
	return list
}

// Print prints means, in seconds of processor time for each million of events.
func (c Costs) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "CPU-s a million events\town\tClickHouse\ttogether\t")
	for _, name := range []string{KafkaEngine, Ingest, Aggregator, ReadyFile} {
		if len(c[name]) == 0 {
			continue
		}
		var own, server []time.Duration
		for _, cost := range c[name] {
			own, server = append(own, cost.Own), append(server, cost.Server)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t\n", name, measure.Mean(own).Seconds(), measure.Mean(server).Seconds(), measure.Mean(c.totals(name)).Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, limit := range limits() {
		if len(c[limit.of]) > 0 && len(c[limit.by]) > 0 {
			fmt.Fprintf(out, "%s / %s: %.2f (at most %.2f)\n", limit.of, limit.by, c.ratio(limit.of, limit.by), limit.most)
		}
	}
	return nil
}
