package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

// maxSkew is how far before its append time an event's own time may lie; see
// schemas.OccurredAt.
const maxSkew = 30 * 24 * time.Hour

// deadID is where a record lies that could not be decoded.
type deadID struct {
	topic     schemas.Topic
	partition int32
	offset    int64
}

// readDead reads weir.dead whole. A record may stand there more than once.
func readDead(ctx context.Context, log *eventlog.Log, starts, ends places) (map[deadID]*schemas.DeadRecord, error) {
	dead := make(map[deadID]*schemas.DeadRecord)
	for _, id := range sortedPartitions(ends) {
		if id.Topic != schemas.TopicDead {
			continue
		}
		err := log.Range(ctx, id.Topic, id.Partition, starts[id], ends[id], func(r *eventlog.Record) error {
			d := new(schemas.DeadRecord)
			if err := d.UnmarshalVT(r.Value); err != nil {
				return fmt.Errorf("decode %s/%d offset %d: %w", id.Topic, id.Partition, r.Offset, err)
			}
			d.Key, d.Value = nil, nil
			dead[deadID{schemas.Topic(d.Topic), d.Partition, d.Offset}] = d
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read dead records: %w", err)
		}
	}
	return dead, nil
}

// compareTables compares what the log holds below the places with the rows.
func (a *run) compareTables(ctx context.Context) error {
	expected := make(map[clickhouse.SegmentID]clickhouse.SegmentSum)
	expire := a.db.RetentionStart(a.now)
	expired := make(map[clickhouse.SegmentID]bool)
	expect := func(s *clickhouse.Segment) {
		if !expire.IsZero() && s.Appended.Add(-maxSkew).Before(expire) {
			expired[s.SegmentID] = true
			a.floors[s.Node] = max(a.floors[s.Node], s.LastSeq)
		}
		expected[s.SegmentID] = expected[s.SegmentID].Plus(s.SegmentSum)
	}
	for i := range a.segments {
		expect(&a.segments[i])
	}
	for _, p := range a.log.partitions {
		for _, sum := range p.Sums {
			expect(sum)
		}
	}
	for id, d := range a.dead {
		if id.offset < a.upto[eventlog.PartitionID{Topic: id.topic, Partition: id.partition}] {
			segment := clickhouse.SegmentID{Topic: id.topic, Partition: id.partition, Segment: id.offset / clickhouse.SegmentOffsets}
			sum := expected[segment]
			sum.Remove(id.offset, d.Node, d.Seq)
			expected[segment] = sum
		}
	}
	differ := make(map[clickhouse.SegmentID]bool)
	for _, t := range ledger {
		found, err := a.db.FactSums(ctx, t, a.upto.of(t))
		if err != nil {
			return err
		}
		for id, sum := range found {
			if expected[id] != sum {
				differ[id] = true
			}
			delete(expected, id)
		}
	}
	for id, sum := range expected { // no row at all
		if sum.Events > 0 {
			differ[id] = true
		}
	}
	for id := range expired {
		delete(differ, id)
	}
	for _, id := range slices.SortedFunc(maps.Keys(differ), compareSegments) {
		if err := a.compareSegment(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func compareSegments(a, b clickhouse.SegmentID) int {
	if c := comparePartitions(eventlog.PartitionID{Topic: a.Topic, Partition: a.Partition}, eventlog.PartitionID{Topic: b.Topic, Partition: b.Partition}); c != 0 {
		return c
	}
	return int(a.Segment - b.Segment)
}

// compareSegment reads one segment of the log again and compares it row by row.
func (a *run) compareSegment(ctx context.Context, s clickhouse.SegmentID) error {
	id := eventlog.PartitionID{Topic: s.Topic, Partition: s.Partition}
	from := s.Segment * clickhouse.SegmentOffsets
	to := min(from+clickhouse.SegmentOffsets, a.upto[id])
	rows, err := a.db.FactRows(ctx, s.Topic, s.Partition, from, to)
	if err != nil {
		return err
	}
	held := make(map[int64][]clickhouse.FactRow)
	for _, r := range rows {
		held[r.Offset] = append(held[r.Offset], r)
	}
	d := segmentDiff{run: a, id: id, mend: mend{topic: id.Topic, partition: id.Partition}}
	seen := a.seenBefore(s)
	err = a.kafka.Range(ctx, s.Topic, s.Partition, max(from, a.starts[id]), to, func(r *eventlog.Record) error {
		event := true
		if r.Node != "" {
			event = r.Seq > seen[r.Node]
			seen[r.Node] = max(r.Seq, seen[r.Node])
		}
		_, isDead := a.dead[deadID{s.Topic, s.Partition, r.Offset}]
		d.record(r, event && !isDead, held[r.Offset])
		delete(held, r.Offset)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %s/%d again: %w", s.Topic, s.Partition, err)
	}
	// What is left in held lies in a gap of the log, which is a finding of its
	// own: these rows are all that there is of their events.
	d.flush()
	for _, f := range gathered(d.found) {
		a.report.add(f)
	}
	if len(d.mend.remove)+len(d.mend.insert) > 0 {
		a.report.mends = append(a.report.mends, d.mend)
	}
	return nil
}

// seenBefore is the last seq of each node before a segment.
func (a *run) seenBefore(s clickhouse.SegmentID) map[string]uint64 {
	seen := make(map[string]uint64)
	for i := range a.segments {
		c := &a.segments[i]
		if c.Topic == s.Topic && c.Partition == s.Partition && c.Segment < s.Segment {
			seen[c.Node] = max(seen[c.Node], c.LastSeq)
		}
	}
	return seen
}

// segmentDiff collects what differs as ranges of offsets.
type segmentDiff struct {
	run   *run
	id    eventlog.PartitionID
	open  *Finding // the range that grows
	found []Finding
	mend  mend
}

// record compares a record of the log with the rows of its offset.
func (d *segmentDiff) record(r *eventlog.Record, event bool, rows []clickhouse.FactRow) {
	same := 0
	for _, row := range rows {
		if row.Node == r.Node && row.Seq == r.Seq {
			same++
		}
	}
	if event && len(rows) != 1 || same != len(rows) || !event && len(rows) > 0 {
		if len(rows) > 0 {
			d.mend.remove.add(r.Offset)
		}
		if event {
			d.mend.insert.add(r.Offset)
		}
	}
	switch {
	case event && len(rows) == 0:
		if d.run.missingRows[r.Node] == nil {
			d.run.missingRows[r.Node] = make(seqSet)
		}
		d.run.missingRows[r.Node].add(r.Seq)
		d.grow(RowMissing, r, "`ingest repair` puts it back from the log")
	case event && same > 1 && same == len(rows):
		d.grow(RowRepeated, r, "`ingest repair` leaves one")
	case event && same == 1 && len(rows) == 1, !event && len(rows) == 0:
		d.flush()
	default:
		d.grow(RowStray, r, "`ingest repair` puts in its place what the log has")
	}
}

func (d *segmentDiff) grow(kind Kind, r *eventlog.Record, detail string) {
	if f := d.open; f == nil || f.Kind != kind || *f.LastOffset+1 != r.Offset {
		d.flush()
		partition, first, last := d.id.Partition, r.Offset, r.Offset
		d.open = &Finding{
			Kind: kind, Topic: d.id.Topic, Partition: &partition, FirstOffset: &first, LastOffset: &last,
			Node: r.Node, FirstSeq: r.Seq, LastSeq: r.Seq, Detail: detail,
		}
	}
	d.open.Count++
	*d.open.LastOffset = r.Offset
	if d.open.Node != r.Node { // of several: their offsets say it
		d.open.Node, d.open.FirstSeq, d.open.LastSeq = "", 0, 0
	}
	if d.open.Node != "" {
		d.open.FirstSeq, d.open.LastSeq = min(d.open.FirstSeq, r.Seq), max(d.open.LastSeq, r.Seq)
	}
}

// maxPlaces is how many places of one segment are told one by one.
const maxPlaces = 20

// gathered makes one finding of each kind out of those of a segment that has too
// many to tell one by one.
func gathered(found []Finding) []Finding {
	if len(found) <= maxPlaces {
		return found
	}
	var all []Finding
	for _, kind := range Kinds() {
		var sum *Finding
		places := 0
		for _, f := range found {
			if f.Kind != kind {
				continue
			}
			places++
			if sum == nil {
				sum = &Finding{Kind: kind, Topic: f.Topic, Partition: f.Partition, FirstOffset: f.FirstOffset, LastOffset: f.LastOffset, Detail: f.Detail}
			}
			sum.Count += f.Count
			sum.LastOffset = f.LastOffset
		}
		if sum != nil {
			sum.Detail = fmt.Sprintf("in %d places; %s", places, sum.Detail)
			all = append(all, *sum)
		}
	}
	return all
}

func (d *segmentDiff) flush() {
	if d.open == nil {
		return
	}
	d.found = append(d.found, *d.open)
	d.open = nil
}
