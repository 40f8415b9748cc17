package events

import (
	"context"
	"fmt"
	"slices"
	"time"

	"weir/e2e/bench/measure"
)

// turnLimit bounds one reader's turn.
const turnLimit = 10 * time.Minute

// reader is one way from the topic into a table.
type reader struct {
	name  string
	own   string // the part of the stack that it is; "" for one within ClickHouse
	group string // in Kafka; "" for none
	count string // query for the number of events that it has delivered
	ready func(context.Context) error
	begin func(context.Context) error
	end   func(context.Context) error
}

// Cost is the processor time of one turn for each million of events: of the reader's own process and of
// ClickHouse.
type Cost struct{ Own, Server time.Duration }

// Total is what the machine spent.
func (c Cost) Total() time.Duration { return c.Own + c.Server }

// turn lets one reader read what is new in the topic.
func (w *world) turn(ctx context.Context, r reader, events int) (cost Cost, err error) {
	if r.ready != nil {
		if err := r.ready(ctx); err != nil {
			return cost, err
		}
	}
	server, err := w.stack.Pid("clickhouse")
	if err != nil {
		return cost, err
	}
	pids := []int{server}
	if r.own != "" {
		own, err := w.stack.Pid(r.own)
		if err != nil {
			return cost, err
		}
		pids = append(pids, own)
	}
	if err := w.rest(ctx, pids...); err != nil {
		return cost, err
	}
	before, err := times(pids)
	if err != nil {
		return cost, err
	}
	if err := r.begin(ctx); err != nil {
		return cost, err
	}
	if r.group != "" {
		if err := w.await(ctx, r.group, turnLimit); err != nil {
			return cost, err
		}
	}
	if err := w.rest(ctx, pids...); err != nil {
		return cost, err
	}
	after, err := times(pids)
	if err != nil {
		return cost, err
	}
	million := func(used time.Duration) time.Duration { return time.Duration(float64(used) * 1e6 / float64(events)) }
	cost.Server = million(after[0] - before[0])
	if r.own != "" {
		cost.Own = million(after[1] - before[1])
	}
	if r.end != nil {
		if err := r.end(ctx); err != nil {
			return cost, err
		}
	}
	return cost, w.complete(ctx, r.count)
}

func times(pids []int) ([]time.Duration, error) {
	var list []time.Duration
	for _, pid := range pids {
		used, err := measure.CPU(pid)
		if err != nil {
			return nil, err
		}
		list = append(list, used)
	}
	return list, nil
}

// rounds lets the readers take turns, each over the same events, and returns their costs by name. The
// file comes last: it has what the others wrote.
func (w *world) rounds(ctx context.Context, readers []reader, file []reader, rounds, events int) (map[string][]Cost, error) {
	costs := make(map[string][]Cost)
	for round := -1; round < rounds; round++ { // the first one warms up
		if err := w.fill(ctx, events); err != nil {
			return nil, err
		}
		first := (round + 1) % len(readers)
		for _, r := range slices.Concat(readers[first:], readers[:first], file) {
			cost, err := w.turn(ctx, r, events)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			if round >= 0 {
				costs[r.name] = append(costs[r.name], cost)
			}
		}
	}
	return costs, nil
}
