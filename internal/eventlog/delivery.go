package eventlog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file and sending.go hold the decisions of a consumer, apart from all I/O:
// where to begin, what to drop, what to send, what to repeat and when to stop.
// See docs/design.md, "Nothing lost, nothing twice"; explore_test.go drives them
// through what may go wrong.

// intent announces a batch before it is inserted. It stands in the metadata of
// the group's offset commit, so that whoever owns the partition next repeats
// exactly this batch.
type intent struct {
	first, last int64 // offsets, both in the batch
	taken       int   // records in it that are not repeats
}

const intentVersion = "weir1"

// String is ASCII and far below Kafka's bound of 4,096 bytes.
func (i intent) String() string {
	return fmt.Sprintf("%s first=%d last=%d taken=%d", intentVersion, i.first, i.last, i.taken)
}

// parseIntent reads commit metadata; nil when it announces nothing.
func parseIntent(metadata string) (*intent, error) {
	if metadata == "" {
		return nil, nil
	}
	fields := strings.Fields(metadata)
	if len(fields) != 4 || fields[0] != intentVersion {
		return nil, fmt.Errorf("commit metadata %q is not of this release", metadata)
	}
	var n [3]int64
	for i, name := range []string{"first=", "last=", "taken="} {
		text, ok := strings.CutPrefix(fields[i+1], name)
		v, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil || v < 0 {
			return nil, fmt.Errorf("commit metadata %q is malformed", metadata)
		}
		n[i] = v
	}
	if n[1] < n[0] {
		return nil, fmt.Errorf("commit metadata %q is malformed", metadata)
	}
	return &intent{n[0], n[1], int(n[2])}, nil
}

// verdict is what becomes of one record.
type verdict int

const (
	fold verdict = iota // before the committed offset: only the filter learns of it
	drop                // a repeat
	take                // new: its rows go into the batch
)

// delivery is the state of one partition between its assignment and its
// revocation: the repeat filter, the batch that fills, and the batch that was
// announced by an earlier owner and must be repeated first.
type delivery struct {
	committed int64             // offset of the group: everything below is in the table
	next      int64             // offset of the record expected next
	seen      map[string]uint64 // last seq of each node among the records below next
	repeat    *intent           // announced before us; nil when none
	filling   intent            // first is committed; last < first while empty
	folded    int64             // records since the last checkpoint
}

// standing is what is known of a partition when it is assigned.
type standing struct {
	committed int64  // offset of the group; negative when it has committed nothing
	metadata  string // of that commit
	start     int64  // of the oldest record that the log holds
	expires   bool   // the topic lets records go
	rows      bool   // the table holds rows of the partition: any, when nothing is committed, else such as lie behind the log's end
}

// Reasons not to begin.
var (
	errRowsWithoutOffset = errors.New("the table holds rows and the group has no committed offset")
	errRowsBeyondLog     = errors.New("the table holds rows behind the end of the log")
	errLogBeginsLate     = errors.New("the log does not begin at offset 0 and nothing was delivered")
	errExpired           = errors.New("records expired before they were delivered")
)

// begin returns the offset before which everything is delivered, and the batch
// that an earlier owner announced there, nil for none. There is no other offset
// to fall back to: records that would be passed over are an error.
func (s standing) begin() (committed int64, announced *intent, err error) {
	if s.committed < 0 {
		switch {
		case s.rows:
			return 0, nil, errRowsWithoutOffset
		case s.start > 0 && !s.expires:
			return 0, nil, errLogBeginsLate
		}
		return s.start, nil, nil
	}
	switch {
	case s.rows:
		return 0, nil, errRowsBeyondLog
	case s.committed < s.start:
		return 0, nil, errExpired
	}
	announced, err = parseIntent(s.metadata)
	return s.committed, announced, err
}

// newDelivery begins at a checkpoint at or before the committed offset.
func newDelivery(committed, checkpoint int64, seen map[string]uint64, announced *intent) (*delivery, error) {
	if checkpoint > committed {
		return nil, fmt.Errorf("checkpoint at offset %d lies after the committed offset %d", checkpoint, committed)
	}
	if announced != nil && announced.first != committed {
		return nil, fmt.Errorf("announced batch begins at offset %d and the committed offset is %d", announced.first, committed)
	}
	d := &delivery{committed: committed, next: checkpoint, seen: seen, repeat: announced}
	d.begin()
	return d, nil
}

func (d *delivery) begin() {
	d.filling = intent{first: d.committed, last: d.committed - 1}
}

// read folds one record. The topics are neither compacted nor written in
// transactions, so their offsets have no holes: one that is not the next means
// that records were passed over.
func (d *delivery) read(r *Record) (verdict, error) {
	if r.Offset != d.next {
		return 0, fmt.Errorf("offset %d was read where %d comes next", r.Offset, d.next)
	}
	d.next = r.Offset + 1
	d.folded++
	v := take
	if r.Node != "" { // without headers there is nothing to compare: it is decoded, or dead
		if r.Seq <= d.seen[r.Node] {
			v = drop
		} else {
			d.seen[r.Node] = r.Seq
		}
	}
	if r.Offset < d.committed {
		return fold, nil
	}
	d.filling.last = r.Offset
	if v == take {
		d.filling.taken++
	}
	return v, nil
}

// limits say when a batch is full.
type limits struct {
	rows  int
	bytes int
}

// cut tells whether the batch, of this many rows and bytes, is to be sent now. A batch that
// was announced is cut exactly where it was; ok is false with an error when the
// log no longer gives what was announced.
func (d *delivery) cut(rows, bytes int, l limits) (ok bool, err error) {
	if d.filling.last < d.filling.first {
		return false, nil
	}
	if a := d.repeat; a != nil {
		if d.filling.last < a.last {
			return false, nil
		}
		if d.filling != *a {
			return false, fmt.Errorf("the log holds other records than the announced batch: got %q, announced %q", d.filling, *a)
		}
		return true, nil
	}
	return rows >= l.rows || bytes >= l.bytes, nil
}

// A batch is filled first, for at most fillLimit, while the log has behindRecords
// more: far more than live traffic leaves between two fetches.
const (
	fillLimit     = 3 * time.Second
	behindRecords = 10_000
)

// ripe tells whether a batch of that age is sent at the next interval, full or
// not. While the log, which ends before the offset, has much more it fills first.
func (d *delivery) ripe(end int64, age time.Duration) bool {
	return d.begun() && (end-d.next < behindRecords || age >= fillLimit)
}

// begun tells whether there is a batch that may be cut at any record.
func (d *delivery) begun() bool {
	return d.repeat == nil && d.filling.last >= d.filling.first
}

// checkpointed tells whether the filter's state belongs to exactly the committed
// offset and has folded enough records to be worth saving.
func (d *delivery) checkpointed(atLeast int64) bool {
	return d.folded >= atLeast && d.next == d.committed
}

// done records that the batch is in the table and its end committed.
func (d *delivery) done() {
	d.committed = d.filling.last + 1
	d.repeat = nil
	d.begin()
}
