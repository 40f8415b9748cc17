package rebuild

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

// Log is what is asked of Kafka; *eventlog.Log is one.
type Log interface {
	AllBounds(ctx context.Context, topics ...schemas.Topic) (starts, ends map[eventlog.PartitionID]int64, err error)
	Committed(ctx context.Context, group string) (map[eventlog.PartitionID]int64, error)
	Groups(ctx context.Context, prefix string) ([]string, error)
	Members(ctx context.Context, group string) (int, error)
	DeleteGroup(ctx context.Context, group string) error
}

// Tables is what is asked of ClickHouse; *clickhouse.DB is one.
type Tables interface {
	Generations(ctx context.Context) (clickhouse.Generations, error)
	LockGenerations(ctx context.Context, fn func(ctx context.Context) error) error
	CreateGeneration(ctx context.Context, generation, like int) error
	SwitchGeneration(ctx context.Context, from, to int) error
	DropGeneration(ctx context.Context, generation int) error
	HasRollups(ctx context.Context, generation int, partition int32, from int64) (bool, error)
}

// Options of a rebuild.
type Options struct {
	Log    Log
	Tables Tables
	// Deliver runs the consumer of a generation until ctx ends.
	Deliver func(ctx context.Context, generation int) error
	// LiveWhole tells whether Redis holds a generation's live sums of so many
	// partitions. An error means that Redis is away, and is not waited for.
	LiveWhole func(ctx context.Context, generation, partitions int) (bool, error)
	// FlushInterval of the consumer.
	FlushInterval time.Duration
	// Command is how a person calls the aggregator, with its configuration; hints
	// begin with it.
	Command string
	Logger  *slog.Logger
}

const (
	// lookEvery is how often a rebuild looks at itself, reportEvery how often it
	// tells how far it is.
	lookEvery   = time.Second
	reportEvery = 5 * time.Second
	// closeEnough is how far behind the log a generation may be to serve, beside
	// the flush interval.
	closeEnough = 5 * time.Second
)

// Result is what a rebuild did.
type Result struct {
	Generation int // that serves now
	Before     int // that served before
	Events     int64
	Partitions int
	Took       time.Duration
	ByAnother  bool   // another process saw first that all was there
	Command    string // of the options
}

// String tells a person what was done and what is left to do.
func (r Result) String() string {
	how := fmt.Sprintf("%d events of %d partitions, in %v", r.Events, r.Partitions, r.Took.Round(time.Second))
	if r.ByAnother {
		how = fmt.Sprintf("another process finished it and switched, seen after %v", r.Took.Round(time.Second))
	}
	return fmt.Sprintf("Generation %d serves: %s. Running aggregators move to it within seconds.\n"+
		"Generation %d is kept; to remove it: %s drop --generation %d", r.Generation, how, r.Before, r.Command, r.Before)
}

// Run builds the next generation, or goes on with one that is unfinished, and
// switches to it. Errors say what became of it.
func Run(ctx context.Context, o Options) (Result, error) {
	start := time.Now()
	from, to, err := o.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	r := Result{Generation: to, Before: from, Command: o.Command}
	running, stop := context.WithCancel(ctx)
	defer stop()
	delivering := make(chan error, 1)
	go func() {
		defer stop()
		delivering <- o.Deliver(running, to)
	}()
	watched := o.watch(running, &r)
	stop()
	delivered := <-delivering
	r.Took = time.Since(start)
	switch {
	case delivered != nil && !errors.Is(delivered, context.Canceled):
		return r, fmt.Errorf("rebuild generation %d: %w", to, errors.Join(delivered, ignoreEnd(watched)))
	case watched != nil && ctx.Err() != nil:
		return r, fmt.Errorf("stopped before generation %d had caught up; run it again to go on", to)
	}
	return r, watched
}

func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// begin agrees with other processes on the generation and makes its table.
func (o Options) begin(ctx context.Context) (from, to int, err error) {
	err = o.Tables.LockGenerations(ctx, func(ctx context.Context) error {
		spans, err := o.spans(ctx)
		if err != nil {
			return err
		}
		g, err := o.Tables.Generations(ctx)
		if err != nil {
			return err
		}
		from = g.Active
		if to = unfinished(g); to != 0 {
			committed, reason, err := o.inspect(ctx, to, spans)
			switch {
			case err != nil:
				return err
			case reason == "":
				o.Logger.Info("going on with an unfinished rebuild", "generation", to, "serving", from, "delivered", total(committed))
				return checkWhole(spans, committed)
			}
			o.Logger.Warn("an unfinished rebuild cannot be gone on with; beginning another",
				"generation", to, "reason", reason, "to_remove_it", fmt.Sprintf("%s drop --generation %d", o.Command, to))
		}
		if err := checkWhole(spans, nil); err != nil {
			return err
		}
		groups, err := o.Log.Groups(ctx, schemas.GroupAggregator(1))
		if err != nil {
			return err
		}
		to = next(g, groups)
		o.Logger.Info("beginning a rebuild", "generation", to, "serving", from)
		return o.Tables.CreateGeneration(ctx, to, from)
	})
	return from, to, err
}

// inspect returns what a generation's group has committed, and why it cannot be
// gone on with, if so.
func (o Options) inspect(ctx context.Context, generation int, spans map[int32]span) (committed map[int32]int64, reason string, err error) {
	if committed, err = o.committed(ctx, generation); err != nil {
		return nil, "", err
	}
	rows := make(map[int32]bool)
	for partition := range spans {
		if rows[partition], err = o.Tables.HasRollups(ctx, generation, partition, 0); err != nil {
			return nil, "", err
		}
	}
	after, err := o.committed(ctx, generation)
	if err != nil {
		return nil, "", err
	}
	for partition := range spans {
		_, held := after[partition]
		if reason := (traces{committed[partition], rows[partition], held}).broken(partition); reason != "" {
			return nil, reason, nil
		}
	}
	return committed, "", nil
}

// watch waits until the generation has caught up and switches to it.
func (o Options) watch(ctx context.Context, r *Result) error {
	var (
		begun  = time.Now()
		before = int64(-1) // delivered when this process began
		told   = begun
		chase  = pursuit{patience: closeEnough + 2*o.FlushInterval}
		tick   = time.NewTicker(lookEvery)
	)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		done, err := o.superseded(ctx, r)
		if done || err != nil {
			return err
		}
		spans, committed, err := o.offsets(ctx, r.Generation)
		if err != nil {
			o.Logger.Warn("look at the rebuild; will look again", "generation", r.Generation, "error", err)
			continue
		}
		r.Events, r.Partitions = total(committed), len(spans)
		if before < 0 {
			before = r.Events
		}
		if now := time.Now(); now.Sub(told) >= reportEvery {
			told = now
			e := estimated(spans, committed, before, now.Sub(begun))
			o.Logger.Info("rebuilding", "generation", r.Generation, "delivered", e.delivered, "of", e.all,
				"per_second", e.perSecond, "remaining", e.remaining.String())
		}
		if !chase.caughtUp(spans, committed, time.Now()) || !o.liveWhole(ctx, r) {
			continue
		}
		switch err := o.Tables.SwitchGeneration(ctx, r.Before, r.Generation); {
		case err == nil:
			o.Logger.Info("switched", "generation", r.Generation, "before", r.Before)
			return nil
		case !errors.Is(err, clickhouse.ErrOtherGeneration): // which the next look explains
			o.Logger.Warn("switch; will try again", "generation", r.Generation, "error", err)
		}
	}
}

// superseded looks whether the switch has been made, by whomever, or can no
// longer be made.
func (o Options) superseded(ctx context.Context, r *Result) (done bool, err error) {
	g, err := o.Tables.Generations(ctx)
	switch {
	case err != nil:
		o.Logger.Warn("look at the rebuild; will look again", "generation", r.Generation, "error", err)
		return false, nil
	case g.Active == r.Generation:
		r.ByAnother = true
		return true, nil
	case g.Active != r.Before:
		return false, fmt.Errorf("generation %d came to serve while generation %d was built beside generation %d, which is used no more; remove it with: %s drop --generation %d",
			g.Active, r.Generation, r.Before, o.Command, r.Generation)
	case !g.Has(r.Generation):
		return false, fmt.Errorf("the table of generation %d was dropped while it was built; run it again to begin another", r.Generation)
	}
	return false, nil
}

func (o Options) offsets(ctx context.Context, generation int) (map[int32]span, map[int32]int64, error) {
	spans, err := o.spans(ctx)
	if err != nil {
		return nil, nil, err
	}
	committed, err := o.committed(ctx, generation)
	return spans, committed, err
}

func (o Options) spans(ctx context.Context) (map[int32]span, error) {
	starts, ends, err := o.Log.AllBounds(ctx, schemas.TopicUsage)
	if err != nil {
		return nil, err
	}
	spans := make(map[int32]span, len(ends))
	for id, end := range ends {
		spans[id.Partition] = span{starts[id], end}
	}
	return spans, nil
}

// committed returns what a generation's group has committed; a partition of which
// it has committed nothing is not in it.
func (o Options) committed(ctx context.Context, generation int) (map[int32]int64, error) {
	all, err := o.Log.Committed(ctx, schemas.GroupAggregator(generation))
	if err != nil {
		return nil, err
	}
	offsets := make(map[int32]int64, len(all))
	for id, offset := range all {
		if id.Topic == schemas.TopicUsage {
			offsets[id.Partition] = offset
		}
	}
	return offsets, nil
}

// liveWhole tells whether the live sums need not be waited for.
func (o Options) liveWhole(ctx context.Context, r *Result) bool {
	whole, err := o.LiveWhole(ctx, r.Generation, r.Partitions)
	switch {
	case err != nil:
		o.Logger.Warn("Redis is away; the live sums come when it is back", "generation", r.Generation, "error", err)
		return true
	case !whole:
		o.Logger.Info("the rollups have caught up; waiting for the live sums", "generation", r.Generation)
	}
	return whole
}

// Drop removes a generation that does not serve: its table, and its group with
// what it has committed. A drop that was cut off may be repeated.
func Drop(ctx context.Context, o Options, generation int) error {
	g, err := o.Tables.Generations(ctx)
	if err != nil {
		return err
	}
	if generation < 1 {
		return fmt.Errorf("there is no generation %d; tables there are of %d, and %d serves", generation, g.Tables, g.Active)
	}
	name := schemas.GroupAggregator(generation)
	groups, err := o.Log.Groups(ctx, name)
	if err != nil {
		return err
	}
	if !g.Has(generation) && !slices.Contains(groups, name) {
		return fmt.Errorf("there is no generation %d; tables there are of %d, and %d serves", generation, g.Tables, g.Active)
	}
	if generation != g.Active { // which DropGeneration refuses, whoever reads it
		members, err := o.Log.Members(ctx, name)
		if err != nil {
			return err
		}
		if members > 0 {
			return fmt.Errorf("group %s has %d members: a rebuild, or aggregators that have not moved on yet; stop them, or wait some seconds", name, members)
		}
	}
	if err := o.Tables.DropGeneration(ctx, generation); err != nil {
		return err
	}
	return o.Log.DeleteGroup(ctx, name)
}
