package rebuild

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

// world is a Kafka and a ClickHouse of which a rebuild sees only numbers. The
// mutex owns all of it.
type world struct {
	mu        sync.Mutex
	active    int
	tables    []int
	rows      map[int]bool // by generation
	start     int64        // of the one partition
	end       int64
	committed map[string]int64 // by group
	members   map[string]int
	live      bool
	redis     error
	back      time.Time // when ClickHouse answers again
}

func newWorld() *world {
	return &world{
		active: 1, tables: []int{1}, end: 1000, rows: map[int]bool{1: true},
		committed: map[string]int64{"weir-aggregator": 1000}, members: map[string]int{"weir-aggregator": 1}, live: true,
	}
}

// only is the one partition that there is.
var only = eventlog.PartitionID{Topic: schemas.TopicUsage}

func (w *world) AllBounds(context.Context, ...schemas.Topic) (starts, ends map[eventlog.PartitionID]int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return map[eventlog.PartitionID]int64{only: w.start}, map[eventlog.PartitionID]int64{only: w.end}, nil
}

func (w *world) Committed(_ context.Context, group string) (map[eventlog.PartitionID]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if offset, ok := w.committed[group]; ok {
		return map[eventlog.PartitionID]int64{only: offset}, nil
	}
	return nil, nil
}

func (w *world) Groups(_ context.Context, prefix string) (names []string, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.committed {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (w *world) Members(_ context.Context, group string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.members[group], nil
}

func (w *world) DeleteGroup(_ context.Context, group string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.committed, group)
	return nil
}

func (w *world) Generations(context.Context) (clickhouse.Generations, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.back) {
		return clickhouse.Generations{}, errors.New("connection refused")
	}
	return clickhouse.Generations{Active: w.active, Tables: slices.Clone(w.tables), Known: slices.Max(append(w.tables, w.active))}, nil
}

func (w *world) LockGenerations(ctx context.Context, fn func(context.Context) error) error {
	return fn(ctx)
}

func (w *world) CreateGeneration(_ context.Context, generation, _ int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tables = append(w.tables, generation)
	return nil
}

func (w *world) SwitchGeneration(_ context.Context, from, to int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.back) {
		return errors.New("connection refused")
	}
	if w.active != from && w.active != to {
		return fmt.Errorf("%w: %d", clickhouse.ErrOtherGeneration, w.active)
	}
	w.active = to
	return nil
}

func (w *world) DropGeneration(_ context.Context, generation int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if generation == w.active {
		return errors.New("is what the views read")
	}
	w.tables = slices.DeleteFunc(w.tables, func(n int) bool { return n == generation })
	return nil
}

func (w *world) HasRollups(_ context.Context, generation int, _ int32, _ int64) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[generation], nil
}

// deliver commits so many records a second, and then does something.
func (w *world) deliver(perSecond int64, then func(second int)) func(context.Context, int) error {
	return func(ctx context.Context, generation int) error {
		for second := 1; ; second++ {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
			}
			w.mu.Lock()
			w.rows[generation] = true
			w.committed[schemas.GroupAggregator(generation)] = min(w.committed[schemas.GroupAggregator(generation)]+perSecond, w.end)
			if then != nil {
				then(second)
			}
			w.mu.Unlock()
		}
	}
}

func (w *world) options(deliver func(context.Context, int) error) Options {
	return Options{
		Log: w, Tables: w, Deliver: deliver, FlushInterval: time.Second, Logger: slog.New(slog.DiscardHandler),
		LiveWhole: func(context.Context, int, int) (bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.live, w.redis
		},
	}
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		prepare  func(*world)
		then     func(w *world, second int)
		want     int // the generation that serves in the end
		took     time.Duration
		problem  string
		stopping time.Duration // after which the rebuild is stopped
	}{
		"from the beginning": {want: 2, took: 12 * time.Second},
		"while the log grows": {
			then: func(w *world, _ int) { w.end += 50 },
			want: 2, took: 17 * time.Second,
		},
		"goes on": {
			prepare: func(w *world) {
				w.tables, w.rows[2], w.committed["weir-aggregator-2"] = []int{1, 2}, true, 600
			},
			want: 2, took: 5 * time.Second,
		},
		"after the table was emptied": {
			prepare: func(w *world) { w.tables, w.committed["weir-aggregator-2"] = []int{1, 2}, 600 },
			want:    3, took: 12 * time.Second,
		},
		"after the table was dropped by hand": {
			prepare: func(w *world) { w.committed["weir-aggregator-2"] = 600 },
			want:    3, took: 12 * time.Second,
		},
		"waits for the live sums": {
			prepare: func(w *world) { w.live = false },
			then:    func(w *world, second int) { w.live = second >= 60 },
			want:    2, took: 62 * time.Second,
		},
		"does not wait for Redis": {
			prepare: func(w *world) { w.live, w.redis = false, errors.New("away") },
			want:    2, took: 12 * time.Second,
		},
		"waits for ClickHouse": {
			then: func(w *world, second int) {
				if second == 3 {
					w.back = time.Now().Add(30 * time.Second)
				}
			},
			want: 2, took: 34 * time.Second,
		},
		"another process switches": {
			then: func(w *world, second int) {
				if second == 4 {
					w.active = 2
				}
			},
			want: 2, took: 5 * time.Second,
		},
		"another rebuild finishes": {
			then: func(w *world, second int) {
				if second == 4 {
					w.active = 7
				}
			},
			want: 7, took: 5 * time.Second, problem: "generation 7 came to serve while generation 2 was built beside generation 1",
		},
		"the table is dropped": {
			then: func(w *world, second int) {
				if second == 4 {
					w.tables = []int{1}
				}
			},
			want: 1, took: 5 * time.Second, problem: "was dropped while it was built",
		},
		"stopped":               {stopping: 5 * time.Second, want: 1, took: 5 * time.Second, problem: "run it again to go on"},
		"the beginning is gone": {prepare: func(w *world) { w.start = 10 }, want: 1, problem: "weir.usage/0 begins at offset 10"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if c.prepare != nil {
					c.prepare(w)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.stopping > 0 {
					time.AfterFunc(c.stopping, cancel)
				}
				begun := time.Now()
				r, err := Run(ctx, w.options(w.deliver(100, func(second int) {
					if c.then != nil {
						c.then(w, second)
					}
				})))
				if took := time.Since(begun).Round(time.Second); took > c.took || took < c.took-2*time.Second {
					t.Errorf("took %v, want about %v", took, c.took)
				}
				if w.active != c.want {
					t.Errorf("generation %d serves, want %d", w.active, c.want)
				}
				switch {
				case c.problem == "" && (err != nil || r.Generation != c.want || r.Before != 1):
					t.Errorf("got %+v, %v", r, err)
				case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
					t.Errorf("got %v, want an error with %q", err, c.problem)
				}
			})
		})
	}
}

// A process that only saw another one finish counts no events as its own.
func TestResultOfARebuildThatAnotherFinished(t *testing.T) {
	said := Result{Generation: 2, Before: 1, Took: 3 * time.Second, ByAnother: true, Command: "aggregator --config weir.yaml"}.String()
	if !strings.Contains(said, "Generation 2 serves: another process finished it") || strings.Contains(said, "events") ||
		!strings.HasSuffix(said, "to remove it: aggregator --config weir.yaml drop --generation 1") {
		t.Errorf("it says %q", said)
	}
}

// What ends the consumer ends the rebuild, with its reason.
func TestRunWithAConsumerThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		_, err := Run(t.Context(), w.options(func(context.Context, int) error { return errors.New("the log lost records") }))
		if err == nil || !strings.Contains(err.Error(), "rebuild generation 2: the log lost records") || w.active != 1 {
			t.Errorf("got %v, generation %d", err, w.active)
		}
	})
}

func TestDrop(t *testing.T) {
	for name, c := range map[string]struct {
		prepare    func(*world)
		generation int
		problem    string
	}{
		"an old one":           {func(w *world) { w.active, w.tables, w.members = 2, []int{1, 2}, nil }, 1, ""},
		"what serves":          {nil, 1, "is what the views read"},
		"what never was":       {nil, 5, "there is no generation 5"},
		"one that is built":    {func(w *world) { w.tables, w.members["weir-aggregator-2"] = []int{1, 2}, 1 }, 2, "has 1 members"},
		"the rest of one":      {func(w *world) { w.committed["weir-aggregator-2"] = 5 }, 2, ""},
		"before they moved on": {func(w *world) { w.active, w.tables = 2, []int{1, 2} }, 1, "have not moved on yet"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.prepare != nil {
				c.prepare(w)
			}
			err := Drop(t.Context(), Options{Log: w, Tables: w}, c.generation)
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("got %v, want %q", err, c.problem)
			}
			_, committed := w.committed[schemas.GroupAggregator(c.generation)]
			if err == nil && (committed || slices.Contains(w.tables, c.generation)) {
				t.Errorf("something is left: %v, %v", w.tables, w.committed)
			}
		})
	}
}
