package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

// state is what is known of the log below a place in each partition. It depends
// on the log before these places alone.
type state struct {
	partitions map[eventlog.PartitionID]*partition
	calls      map[string]*call // by request id: those that are not complete
	complete   []clickhouse.Segment
}

// partition is one partition of a ledger topic.
type partition struct {
	Topic     schemas.Topic `json:"topic"`
	Partition int32         `json:"partition"`
	// Next is the offset of the record expected next.
	Next  int64            `json:"next"`
	Nodes map[string]*tail `json:"nodes"`
	// Segment is the one that Next lies in, Sums what it holds so far.
	Segment int64                          `json:"segment"`
	Sums    map[string]*clickhouse.Segment `json:"sums"`
	// Gaps are offsets that the log does not hold.
	Gaps []offsets `json:"gaps,omitempty"`
}

// offsets is a range, both ends in it.
type offsets struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// ranges are offsets in ascending order.
type ranges []offsets

// add appends an offset that lies behind all others.
func (r *ranges) add(offset int64) {
	if n := len(*r); n > 0 && (*r)[n-1].Last+1 == offset {
		(*r)[n-1].Last = offset
		return
	}
	*r = append(*r, offsets{offset, offset})
}

// all yields every offset.
func (r ranges) all(yield func(int64) bool) {
	for _, o := range r {
		for offset := o.First; offset <= o.Last; offset++ {
			if !yield(offset) {
				return
			}
		}
	}
}

// count is how many offsets there are.
func (r ranges) count() (n int) {
	for _, o := range r {
		n += int(o.Last - o.First + 1)
	}
	return n
}

// seqSet is a set of seqs, small where they are dense.
type seqSet map[uint64]*[1024]uint64

func (s seqSet) add(seq uint64) {
	page := s[seq>>16]
	if page == nil {
		page = new([1024]uint64)
		s[seq>>16] = page
	}
	page[seq>>6&1023] |= 1 << (seq & 63)
}

func (s seqSet) has(seq uint64) bool {
	page := s[seq>>16]
	return page != nil && page[seq>>6&1023]>>(seq&63)&1 == 1
}

// tail is the end of one node's events in one partition.
type tail struct {
	Seen uint64 `json:"seen"` // the last seq
	// At is when Seen was appended last, milliseconds; -1 while events before it
	// are being sent again.
	At int64 `json:"at"`
	// Proven: Kafka has acknowledged every event of the node up to this seq.
	Proven  uint64 `json:"proven"`
	samples []sample
}

// sample says that a seq was appended at a time.
type sample struct {
	at  int64
	seq uint64
}

const (
	// chunkSpan is longer than the append times of one chunk of a producer are
	// apart. Kafka gives all records of a batch one time; the one-machine Kafka
	// leaves them the times at which the producer made them, in one loop.
	chunkSpan = 1000 // ms
	// sampleEvery bounds how many samples there are.
	sampleEvery = 250 // ms
)

// fold takes the node's next record and tells whether it is an event or a
// repeat.
//
// A producer sends one chunk at a time, and the next one only when Kafka has all
// of the one before. So a record that is not of the same chunk as an earlier one
// proves everything up to the earlier one. A chunk that is sent again begins
// with repeats: what they repeat is in the same chunk as what follows.
func (t *tail) fold(seq uint64, at int64, proves bool) bool {
	if seq <= t.Seen {
		if t.At = -1; seq == t.Seen {
			t.At = at
		}
		t.samples = slices.DeleteFunc(t.samples, func(s sample) bool { return s.seq >= seq })
		return false
	}
	if proves && t.At >= 0 && t.At+chunkSpan <= at {
		t.Proven = max(t.Proven, t.Seen)
	}
	t.Seen, t.At = seq, at
	for len(t.samples) > 0 && proves && t.samples[0].at+chunkSpan <= at {
		t.Proven = max(t.Proven, t.samples[0].seq)
		t.samples = t.samples[1:]
	}
	if n := len(t.samples); n == 0 || at-t.samples[n-1].at >= sampleEvery {
		t.samples = append(t.samples, sample{at, seq})
	}
	return true
}

// call is a call of which the log does not hold all three events.
type call struct {
	RequestID string `json:"request_id"`
	Node      string `json:"node"` // of its first event
	Seq       uint64 `json:"seq"`
	At        int64  `json:"at"` // append time of its first event, milliseconds
	Has       uint8  `json:"has"`
}

const (
	hasRequest = 1 << iota
	hasResponse
	hasUsage
	hasAll = hasRequest | hasResponse | hasUsage
)

func ledgerBit(t schemas.Topic) uint8 {
	switch t {
	case schemas.TopicRequests:
		return hasRequest
	case schemas.TopicResponses:
		return hasResponse
	default:
		return hasUsage
	}
}

func newState() *state {
	return &state{partitions: make(map[eventlog.PartitionID]*partition), calls: make(map[string]*call)}
}

// at returns the state of a partition. One that is new begins at its start, the
// first offset that the log holds.
func (s *state) at(id eventlog.PartitionID, start int64) *partition {
	p := s.partitions[id]
	if p == nil {
		p = &partition{
			Topic: id.Topic, Partition: id.Partition,
			Nodes: make(map[string]*tail), Sums: make(map[string]*clickhouse.Segment),
		}
		s.partitions[id] = p
	}
	if p.Next < start {
		p.skip(start)
	}
	return p
}

// skip passes over offsets that the log does not hold.
func (p *partition) skip(to int64) {
	p.Gaps = append(p.Gaps, offsets{p.Next, to - 1})
	p.Next = to
}

// fold takes the partition's next record and tells whether it is an event that
// was not there before. proves says that the record was in the log before the
// ends of all partitions were asked for.
func (s *state) fold(p *partition, r *eventlog.Record, proves bool) bool {
	if r.Offset > p.Next {
		p.skip(r.Offset)
	}
	p.Next = r.Offset + 1
	if segment := r.Offset / clickhouse.SegmentOffsets; segment != p.Segment {
		for _, node := range slices.Sorted(maps.Keys(p.Sums)) {
			s.complete = append(s.complete, *p.Sums[node])
		}
		clear(p.Sums)
		p.Segment = segment
	}
	at := r.Appended.UnixMilli()
	if r.Node != "" {
		t := p.Nodes[r.Node]
		if t == nil {
			t = new(tail)
			p.Nodes[r.Node] = t
		}
		if !t.fold(r.Seq, at, proves) {
			return false
		}
	}
	sum := p.Sums[r.Node]
	if sum == nil {
		sum = &clickhouse.Segment{Node: r.Node, Appended: r.Appended}
		sum.SegmentID = clickhouse.SegmentID{Topic: p.Topic, Partition: p.Partition, Segment: p.Segment}
		p.Sums[r.Node] = sum
	}
	sum.Add(r.Offset, r.Node, r.Seq)
	sum.LastSeq = r.Seq
	if r.Appended.Before(sum.Appended) {
		sum.Appended = r.Appended
	}
	s.foldCall(r, at)
	return true
}

// foldCall puts an event to its call.
func (s *state) foldCall(r *eventlog.Record, at int64) {
	if r.RequestID == "" {
		return
	}
	c := s.calls[r.RequestID]
	if c == nil {
		c = &call{RequestID: r.RequestID, Node: r.Node, Seq: r.Seq, At: at}
		s.calls[r.RequestID] = c
	}
	s.add(c, r.Topic)
}

// add gives a call the event of a topic; one that has all three is complete.
func (s *state) add(c *call, t schemas.Topic) {
	c.Has |= ledgerBit(t)
	if c.Has == hasAll {
		delete(s.calls, c.RequestID)
	}
}

// clone returns a copy that shares nothing and has no complete segments.
func (s *state) clone() *state {
	c := newState()
	for id, p := range s.partitions {
		q := *p
		q.Nodes, q.Sums = make(map[string]*tail, len(p.Nodes)), make(map[string]*clickhouse.Segment, len(p.Sums))
		for node, t := range p.Nodes {
			copied := *t
			copied.samples = slices.Clone(t.samples)
			q.Nodes[node] = &copied
		}
		for node, sum := range p.Sums {
			copied := *sum
			q.Sums[node] = &copied
		}
		q.Gaps = slices.Clone(p.Gaps)
		c.partitions[id] = &q
	}
	for id, open := range s.calls {
		copied := *open
		c.calls[id] = &copied
	}
	return c
}

// checkpoint is the state as it is stored.
type checkpoint struct {
	Version    int          `json:"version"`
	Partitions []*partition `json:"partitions"`
	Calls      []*call      `json:"calls"`
}

const checkpointVersion = 1

func (s *state) encode() (string, error) {
	c := checkpoint{Version: checkpointVersion}
	for _, id := range sortedPartitions(s.partitions) {
		c.Partitions = append(c.Partitions, s.partitions[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.calls)) {
		c.Calls = append(c.Calls, s.calls[id])
	}
	text, err := json.Marshal(c)
	return string(text), err
}

// decodeState reads a checkpoint; ok is false for one of another version, which
// makes the audit read the log from its beginning.
func decodeState(text string) (s *state, ok bool, err error) {
	var c checkpoint
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, false, fmt.Errorf("read the audit's checkpoint: %w", err)
	}
	if c.Version != checkpointVersion {
		return nil, false, nil
	}
	s = newState()
	for _, p := range c.Partitions {
		s.partitions[eventlog.PartitionID{Topic: p.Topic, Partition: p.Partition}] = p
	}
	for _, open := range c.Calls {
		s.calls[open.RequestID] = open
	}
	return s, true, nil
}

func sortedPartitions[V any](m map[eventlog.PartitionID]V) []eventlog.PartitionID {
	return slices.SortedFunc(maps.Keys(m), comparePartitions)
}

func comparePartitions(a, b eventlog.PartitionID) int {
	if a.Topic != b.Topic {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	}
	return int(a.Partition - b.Partition)
}

// age is how long ago a time in milliseconds was.
func age(at int64, now time.Time) time.Duration { return now.Sub(time.UnixMilli(at)) }
