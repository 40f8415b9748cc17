package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/schemas"
)

// table stands for a ClickHouse table of facts: it remembers tokens and rows,
// and fails in the ways that the real one does.
type table struct {
	mu     sync.Mutex // owns the rest
	tokens map[string]bool
	rows   map[string]int // "topic/partition/offset" → times inserted
	faults func() fault   // nil for none
	saved  map[string]checkpointRow
}

type fault int

const (
	works     fault = iota
	refuses         // nothing lands, an error is reported
	landsLate       // the rows land, an error is reported
	losesRows       // the token lands without its rows, an error is reported
)

type checkpointRow struct {
	offset int64
	seen   map[string]uint64
}

func newTable() *table {
	return &table{tokens: map[string]bool{}, rows: map[string]int{}, saved: map[string]checkpointRow{}}
}

type tableBatch struct {
	t    *table
	rows []string
}

func (t *table) NewBatch(schemas.Topic, int32) Batch { return &tableBatch{t: t} }

func (t *table) HasRows(_ context.Context, topic schemas.Topic, n int32, from int64) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for row := range t.rows {
		rest, ok := strings.CutPrefix(row, fmt.Sprintf("%s/%d/", topic, n))
		if !ok {
			continue
		}
		var offset int64
		if _, err := fmt.Sscanf(rest, "%d/", &offset); err != nil {
			return false, err
		}
		if offset >= from {
			return true, nil
		}
	}
	return false, nil
}

func (b *tableBatch) Add(r *Record) error {
	if string(r.Value) == "garbage" {
		return errors.New("not an event")
	}
	b.rows = append(b.rows, fmt.Sprintf("%s/%d/%d/%s", r.Topic, r.Partition, r.Offset, r.RequestID))
	return nil
}

func (b *tableBatch) Rows() int  { return len(b.rows) }
func (b *tableBatch) Bytes() int { return 100 * len(b.rows) }

var errInsert = errors.New("connection reset")

func (b *tableBatch) Insert(_ context.Context, token string) error {
	b.t.mu.Lock()
	defer b.t.mu.Unlock()
	f := works
	if b.t.faults != nil {
		f = b.t.faults()
	}
	if f == refuses {
		return errInsert
	}
	if !b.t.tokens[token] {
		b.t.tokens[token] = true
		if f != losesRows {
			for _, r := range b.rows {
				b.t.rows[r]++
			}
		}
	}
	if f != works {
		return errInsert
	}
	return nil
}

func (b *tableBatch) Missing(context.Context) (Batch, error) {
	b.t.mu.Lock()
	defer b.t.mu.Unlock()
	var lacks []string
	for _, r := range b.rows {
		if b.t.rows[r] == 0 {
			lacks = append(lacks, r)
		}
	}
	if lacks == nil {
		return nil, nil
	}
	return &tableBatch{b.t, lacks}, nil
}

func (t *table) Save(_ context.Context, at Position, seen map[string]uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	copied := map[string]uint64{}
	for n, s := range seen {
		copied[n] = s
	}
	t.saved[fmt.Sprintf("%s/%d/%020d", at.Topic, at.Partition, at.Offset)] = checkpointRow{at.Offset, copied}
	return nil
}

func (t *table) Newest(_ context.Context, at Position) (int64, map[string]uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	best := checkpointRow{0, map[string]uint64{}}
	for key, row := range t.saved {
		if strings.HasPrefix(key, fmt.Sprintf("%s/%d/", at.Topic, at.Partition)) && row.offset <= at.Offset && row.offset >= best.offset {
			best = checkpointRow{row.offset, map[string]uint64{}}
			for n, s := range row.seen {
				best.seen[n] = s
			}
		}
	}
	return best.offset, best.seen, nil
}

// hasAll waits until the table holds want rows of every ledger topic.
func (t *table) hasAll(ctx context.Context, want int) error {
	for _, topic := range ledger {
		if err := t.has(ctx, topic, want); err != nil {
			return err
		}
	}
	return nil
}

// has waits until the table holds want rows of a topic.
func (t *table) has(ctx context.Context, topic schemas.Topic, want int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := t.count(topic); got >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has %d rows, want %d", topic, t.count(topic), want)
		case <-tick.C:
		}
	}
}

func (t *table) count(topic schemas.Topic) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for row := range t.rows {
		if strings.HasPrefix(row, string(topic)+"/") {
			n++
		}
	}
	return n
}

// ids returns the request ids of a topic's rows, an error when a row is there twice.
func (t *table) ids(topic schemas.Topic) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for row, times := range t.rows {
		if rest, ok := strings.CutPrefix(row, string(topic)+"/"); ok {
			if times != 1 {
				return nil, fmt.Errorf("row %s was inserted %d times", row, times)
			}
			ids = append(ids, rest[strings.LastIndexByte(rest, '/')+1:])
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		return nil, fmt.Errorf("a request is in %s twice", topic)
	}
	return ids, nil
}
