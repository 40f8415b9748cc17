package rebuild

import (
	"strings"
	"testing"
	"time"

	"weir/clickhouse"
)

func TestGroups(t *testing.T) {
	for generation, name := range map[int]string{1: "weir-aggregator", 2: "weir-aggregator-2", 31: "weir-aggregator-31"} {
		if got := generationOf(name); got != generation {
			t.Errorf("%s is of generation %d, want %d", name, got, generation)
		}
	}
	for _, name := range []string{"weir-aggregator-1", "weir-aggregator-02", "weir-aggregator-x", "weir-aggregator-", "weir-ingest"} {
		if got := generationOf(name); got != 0 {
			t.Errorf("%s is of generation %d, want none", name, got)
		}
	}
}

// A number that anything has had is not given again.
func TestNextGeneration(t *testing.T) {
	for name, c := range map[string]struct {
		g          clickhouse.Generations
		groups     []string
		next, open int
	}{
		"the first rebuild":       {clickhouse.Generations{Active: 1, Tables: []int{1}, Known: 1}, []string{"weir-aggregator"}, 2, 0},
		"one that is unfinished":  {clickhouse.Generations{Active: 1, Tables: []int{1, 2}, Known: 2}, nil, 3, 2},
		"the old one is kept":     {clickhouse.Generations{Active: 2, Tables: []int{1, 2}, Known: 2}, nil, 3, 0},
		"the old one is dropped":  {clickhouse.Generations{Active: 2, Tables: []int{2}, Known: 2}, nil, 3, 0},
		"a table dropped by hand": {clickhouse.Generations{Active: 1, Tables: []int{1}, Known: 1}, []string{"weir-aggregator-4"}, 5, 0},
		"checkpoints left":        {clickhouse.Generations{Active: 1, Tables: []int{1}, Known: 6}, []string{"weir-aggregator-4", "weir-aggregator-x9"}, 7, 0},
	} {
		if got := next(c.g, c.groups); got != c.next {
			t.Errorf("%s: next is %d, want %d", name, got, c.next)
		}
		if got := unfinished(c.g); got != c.open {
			t.Errorf("%s: unfinished is %d, want %d", name, got, c.open)
		}
	}
}

func TestTraces(t *testing.T) {
	for name, c := range map[string]struct {
		traces
		broken string
	}{
		"nothing yet":                        {traces{0, false, false}, ""},
		"announced only":                     {traces{0, false, true}, ""},
		"inserted, not committed":            {traces{0, true, true}, ""},
		"delivered":                          {traces{9, true, true}, ""},
		"another process delivers meanwhile": {traces{0, false, true}, ""},
		"the table was emptied":              {traces{9, false, true}, "no rows"},
		"the group was deleted":              {traces{0, true, false}, "committed nothing"},
	} {
		if got := c.traces.broken(3); (got == "") != (c.broken == "") || !strings.Contains(got, c.broken) {
			t.Errorf("%s: %q, want %q", name, got, c.broken)
		}
	}
}

func TestCheckWhole(t *testing.T) {
	spans := map[int32]span{0: {0, 9}, 1: {5, 9}}
	if err := checkWhole(spans, nil); err == nil || !strings.Contains(err.Error(), "weir.usage/1 begins at offset 5") {
		t.Errorf("a log without its beginning: %v", err)
	}
	if err := checkWhole(spans, map[int32]int64{1: 5}); err != nil {
		t.Errorf("what is gone was delivered before: %v", err)
	}
}

func TestPursuit(t *testing.T) {
	var (
		begin = time.Unix(0, 0)
		p     = pursuit{patience: 5 * time.Second}
		spans = func(end int64) map[int32]span { return map[int32]span{0: {end: end}, 1: {end: 1}} }
	)
	for _, c := range []struct {
		second         int
		end, committed int64
		want           bool
	}{
		{0, 100, 0, false},
		{4, 200, 99, false},
		{6, 300, 100, false}, // there, but it took too long: the log has 300 by now
		{7, 310, 299, false},
		{11, 350, 300, true}, // within five seconds
	} {
		got := p.caughtUp(spans(c.end), map[int32]int64{0: c.committed, 1: 1}, begin.Add(time.Duration(c.second)*time.Second))
		if got != c.want {
			t.Errorf("at second %d, %d of %d: caught up is %t", c.second, c.committed, c.end, got)
		}
	}
	empty := pursuit{patience: time.Second}
	for i, want := range []bool{false, true} {
		if got := empty.caughtUp(map[int32]span{0: {}}, nil, begin); got != want {
			t.Errorf("an empty log, look %d: %t", i, got)
		}
	}
}

func TestEstimate(t *testing.T) {
	spans := map[int32]span{0: {end: 1000}, 1: {end: 1000}}
	got := estimated(spans, map[int32]int64{0: 700, 1: 300}, 400, 3*time.Second)
	if want := (estimate{delivered: 1000, all: 2000, perSecond: 200, remaining: 5 * time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := estimated(spans, nil, 0, 0); got.remaining != 0 || got.perSecond != 0 {
		t.Errorf("nothing is known, and it says %+v", got)
	}
}
