package rebuild

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/clickhouse"
	"weir/schemas"
)

// generationOf is the generation that a group belongs to; 0 for none.
func generationOf(name string) int {
	first := schemas.GroupAggregator(1)
	if name == first {
		return 1
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, first+"-"))
	if err != nil || schemas.GroupAggregator(n) != name {
		return 0
	}
	return n
}

// next is a number that no table, checkpoint or group has ever had.
func next(g clickhouse.Generations, groups []string) int {
	greatest := g.Known
	for _, name := range groups {
		greatest = max(greatest, generationOf(name))
	}
	return greatest + 1
}

// unfinished is the generation of a rebuild that was not switched to; 0 for none.
// Numbers grow, so what serves is older than it.
func unfinished(g clickhouse.Generations) int {
	if last := slices.Max(append(g.Tables, 0)); last > g.Active {
		return last
	}
	return 0
}

// traces are what is left of a generation in one partition. Committed offsets are
// read before the rows and after them, since a rebuild may be running.
type traces struct {
	before int64 // committed before the rows were looked for; 0 for none
	rows   bool
	after  bool // whether anything is committed, an announced batch included
}

// broken says why a generation cannot be gone on with, or "".
func (t traces) broken(partition int32) string {
	switch {
	case t.before > 0 && !t.rows:
		return fmt.Sprintf("its group has delivered partition %d up to offset %d and its table has no rows of it", partition, t.before-1)
	case t.rows && !t.after:
		return fmt.Sprintf("its table has rows of partition %d and its group has committed nothing", partition)
	}
	return ""
}

// span is the offsets that a partition of weir.usage holds, the end not among
// them. Maps of spans and of committed offsets are by partition.
type span struct{ start, end int64 }

// checkWhole refuses a log that does not hold everything that is still to be
// delivered.
func checkWhole(spans map[int32]span, committed map[int32]int64) error {
	for partition, s := range spans {
		if s.start > committed[partition] {
			return fmt.Errorf("%s/%d begins at offset %d and a rebuild needs it from offset %d on: what is gone from the log can only be kept by not rebuilding; set retention.ms=-1 on the topic",
				schemas.TopicUsage, partition, s.start, committed[partition])
		}
	}
	return nil
}

// pursuit tells when a consumer has caught up with a log that goes on growing:
// when it needs no more than so long to reach where the log ended.
type pursuit struct {
	patience time.Duration
	target   map[int32]int64
	since    time.Time // when the log ended at target
}

func (p *pursuit) caughtUp(spans map[int32]span, committed map[int32]int64, now time.Time) bool {
	reached := p.target != nil
	for partition, end := range p.target {
		reached = reached && committed[partition] >= end
	}
	if reached && now.Sub(p.since) <= p.patience {
		return true
	}
	if reached || p.target == nil {
		p.target, p.since = make(map[int32]int64), now
		for partition, s := range spans {
			p.target[partition] = s.end
		}
	}
	return false
}

// estimate is how far a rebuild is.
type estimate struct {
	delivered, all int64
	perSecond      int64
	remaining      time.Duration // 0 while nothing is known
}

// estimated compares what is committed with what it was so long ago.
func estimated(spans map[int32]span, committed map[int32]int64, before int64, elapsed time.Duration) estimate {
	e := estimate{delivered: total(committed)}
	for _, s := range spans {
		e.all += s.end
	}
	if rate := float64(e.delivered-before) / elapsed.Seconds(); elapsed > 0 && rate > 0 {
		e.perSecond = int64(rate)
		e.remaining = time.Duration(float64(max(e.all-e.delivered, 0)) / rate * float64(time.Second)).Round(time.Second)
	}
	return e
}

func total(offsets map[int32]int64) (sum int64) {
	for _, offset := range offsets {
		sum += offset
	}
	return sum
}
