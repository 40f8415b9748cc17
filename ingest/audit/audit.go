package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/schemas"
)

// Options say what is audited and how.
type Options struct {
	Kafka eventlog.Config
	DB    *clickhouse.DB
	// Full reads the whole log again.
	Full bool
	// OpenAfter is how old a call without an outcome may become.
	OpenAfter time.Duration
	Logger    *slog.Logger
}

// run is one audit on its way.
type run struct {
	o      Options
	db     *clickhouse.DB
	kafka  *eventlog.Log
	report *Report
	now    time.Time

	retired  map[string]control.Retirement
	starts   places
	upto     places // below: delivered
	log      *state // of the log below upto
	tail     *state // of the log to its end
	segments []clickhouse.Segment
	dead     map[deadID]*schemas.DeadRecord
	floors   map[string]uint64 // by node: seqs up to it may have expired in the tables
	// undelivered is the least seq of each node that is not delivered.
	undelivered map[string]uint64
	missingRows map[string]seqSet // by node: events of the log that have no row
	known       []clickhouse.Acknowledgement
}

// Run audits and returns the report, which it has also stored. Errors: Kafka or
// ClickHouse cannot be read; then there is no report.
func Run(ctx context.Context, o Options) (*Report, error) {
	a, err := begin(ctx, o)
	if err != nil {
		return nil, err
	}
	defer a.kafka.Close()
	if a.known, err = a.db.Acknowledgements(ctx); err != nil {
		return nil, err
	}
	if err := a.readLog(ctx); err != nil {
		return nil, err
	}
	if err := a.compareTables(ctx); err != nil {
		return nil, err
	}
	if err := a.compareNodes(ctx); err != nil {
		return nil, err
	}
	a.compareCalls()
	if err := a.compareRollups(ctx); err != nil {
		return nil, err
	}
	return a.report, a.finish(ctx)
}

// begin opens the log and reads which nodes are retired: before anything of the
// log, so that all that these nodes have written is in what is read.
func begin(ctx context.Context, o Options) (*run, error) {
	store, err := control.Open(ctx, o.Kafka, o.Logger)
	if err != nil {
		return nil, err
	}
	retired := store.Retirements()
	store.Close()
	log, err := eventlog.OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &run{
		o: o, db: o.DB, kafka: log, now: now, retired: retired,
		report: &Report{Started: now, Full: o.Full, Findings: []Finding{}, Acknowledged: Acknowledgements{}, Nodes: []Node{}},
		floors: make(map[string]uint64), undelivered: make(map[string]uint64), missingRows: make(map[string]seqSet),
	}, nil
}

// readLog brings the state of the log up to what ingest has delivered, stores
// it, and looks through the rest. What proves that Kafka had acknowledged an
// event lies below the ends that are asked for first, so that the event itself
// lies below those that are asked for last.
func (a *run) readLog(ctx context.Context) error {
	if err := a.load(ctx); err != nil {
		return err
	}
	committed, err := a.kafka.Committed(ctx, schemas.GroupIngest)
	if err != nil {
		return err
	}
	_, proving, err := a.kafka.AllBounds(ctx, ledger...)
	if err != nil {
		return err
	}
	starts, ends, err := a.kafka.AllBounds(ctx, append([]schemas.Topic{schemas.TopicDead}, ledger...)...)
	if err != nil {
		return err
	}
	a.starts, a.upto = starts, make(places)
	tailEnds := make(places)
	for id, end := range proving {
		next := int64(0)
		if p := a.log.partitions[id]; p != nil {
			next = p.Next
		}
		if end < next {
			a.gap(LogBehind, id, offsets{end, next - 1}, "the log ends before what an earlier audit has read of it")
		}
		a.upto[id] = max(next, starts[id], min(committed[id], end))
		tailEnds[id] = max(ends[id], a.upto[id])
		a.report.Undelivered += tailEnds[id] - a.upto[id]
		a.report.LogRecords += uint64(tailEnds[id] - next)
	}
	if err := a.log.readTo(ctx, a.kafka, starts, a.upto, proving, nil); err != nil {
		return err
	}
	if err := a.store(ctx); err != nil {
		return err
	}
	a.tail = a.log.clone()
	err = a.tail.readTo(ctx, a.kafka, starts, tailEnds, proving, func(r *eventlog.Record) {
		if least, ok := a.undelivered[r.Node]; !ok || r.Seq < least {
			a.undelivered[r.Node] = r.Seq
		}
	})
	if err != nil {
		return err
	}
	if a.dead, err = readDead(ctx, a.kafka, starts, ends); err != nil {
		return err
	}
	return a.gaps(ctx)
}

// load takes up the state that the audit before has stored.
func (a *run) load(ctx context.Context) error {
	a.log = newState()
	if a.o.Full {
		return nil
	}
	text, err := a.db.Checkpoint(ctx)
	if err != nil || text == "" {
		return err
	}
	s, ok, err := decodeState(text)
	if err != nil || !ok {
		return err
	}
	a.log = s
	a.segments, err = a.db.Segments(ctx)
	// One that a later audit has stored, or one that was cut off.
	kept := a.segments[:0]
	for _, c := range a.segments {
		p := s.partitions[eventlog.PartitionID{Topic: c.Topic, Partition: c.Partition}]
		if p != nil && c.Segment < p.Segment {
			kept = append(kept, c)
		}
	}
	a.segments = kept
	return err
}

// store keeps what was read: the segments first, since the checkpoint says that
// they are there.
func (a *run) store(ctx context.Context) error {
	a.segments = append(a.segments, a.log.complete...)
	if err := a.db.SaveSegments(ctx, a.log.complete); err != nil {
		return err
	}
	text, err := a.log.encode()
	if err != nil {
		return fmt.Errorf("encode the audit's checkpoint: %w", err)
	}
	return a.db.SaveCheckpoint(ctx, a.now, text)
}

// lost are the offsets that the log does not hold: its beginning, and gaps
// behind it.
func (a *run) lost(id eventlog.PartitionID) (lost ranges) {
	start := a.starts[id]
	if start > 0 {
		lost = append(lost, offsets{0, start - 1})
	}
	for _, g := range a.tail.partitions[id].Gaps {
		if g.First = max(g.First, start); g.First <= g.Last {
			lost = append(lost, g)
		}
	}
	return lost
}

// gaps reports what the log does not hold. A row that stands at such an offset is
// what is left of an event, and counts as it in its call: a call is not open, or
// unknown, because the log has lost a part of it.
func (a *run) gaps(ctx context.Context) error {
	for _, id := range sortedPartitions(a.tail.partitions) {
		lost := a.lost(id)
		for _, g := range lost {
			detail := "the log has lost these records: they cannot be put back into it, nor rows that are not there be made from it"
			if g.Last < a.starts[id] {
				detail = "the topic has lost its beginning: it must never expire"
			}
			a.gap(LogGap, id, g, detail)
		}
		if len(lost) == 0 || len(a.tail.calls) == 0 {
			continue
		}
		first, last := make([]int64, len(lost)), make([]int64, len(lost))
		for i, g := range lost {
			first[i], last[i] = g.First, g.Last
		}
		err := a.db.RequestsAt(ctx, id.Topic, id.Partition, first, last, func(requestID string) {
			if c := a.tail.calls[requestID]; c != nil {
				a.tail.add(c, id.Topic)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *run) gap(kind Kind, id eventlog.PartitionID, g offsets, detail string) {
	a.report.add(Finding{
		Kind: kind, Topic: id.Topic, Partition: &id.Partition, FirstOffset: &g.First, LastOffset: &g.Last,
		Count: uint64(g.Last - g.First + 1), Detail: detail,
	})
}

// finish takes out of the findings what is known, and stores the result.
func (a *run) finish(ctx context.Context) error {
	r := a.report
	r.Findings, r.Acknowledged = part(r.Findings, a.known)
	r.Finished, r.Clean = time.Now(), len(r.Findings) == 0
	return a.save(ctx)
}
