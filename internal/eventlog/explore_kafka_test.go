package eventlog

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"weir/schemas"
)

// broker is the world's Kafka: partitions, and one consumer group.
type broker struct {
	world     *world
	logs      map[partitionID][]*kgo.Record
	wire      []late // produce requests that were given up and may still arrive
	commits   []*commitRequest
	joined    map[string]bool // members of the present generation
	owner     map[partitionID]string
	committed map[partitionID]committedOffset
	number    int32 // the group's generation
	retired   map[string]uint64
}

// late is a batch on its way from a gateway.
type late struct {
	from    *gateway
	records []*kgo.Record
}

// commitRequest is an offset commit on its way.
type commitRequest struct {
	commitment
	arrived, refused bool
}

func newBroker(w *world) *broker {
	b := &broker{
		world: w, logs: make(map[partitionID][]*kgo.Record), joined: make(map[string]bool),
		owner: make(map[partitionID]string), committed: make(map[partitionID]committedOffset), retired: make(map[string]uint64),
	}
	for _, t := range ledger {
		for n := range int32(worldPartitions) {
			b.logs[partitionID{t, n}] = nil
		}
	}
	return b
}

// ids are the partitions in an order.
func (b *broker) ids() []partitionID {
	return slices.SortedFunc(maps.Keys(b.logs), func(x, y partitionID) int {
		if x.topic != y.topic {
			if x.topic < y.topic {
				return -1
			}
			return 1
		}
		return int(x.n - y.n)
	})
}

// produce takes the records of one request and tells whether its sender hears
// that all arrived. Each partition's batch arrives whole, late, or not at all.
func (b *broker) produce(from *gateway, records []*kgo.Record) bool {
	w := b.world
	batches := make(map[partitionID][]*kgo.Record)
	var order []partitionID
	for _, k := range records {
		id := partitionID{topic(k), k.Partition}
		if batches[id] == nil {
			order = append(order, id)
		}
		batches[id] = append(batches[id], k)
	}
	failed := w.maybe(4)
	for _, id := range order {
		switch {
		case !failed || w.rand.IntN(3) == 0:
			b.append(id, batches[id])
		case w.rand.IntN(2) == 0:
			b.wire = append(b.wire, late{from, batches[id]})
		}
	}
	return !failed
}

func (b *broker) append(id partitionID, records []*kgo.Record) {
	for _, k := range records {
		landed := *k
		landed.Offset, landed.Timestamp = int64(len(b.logs[id])), b.world.now
		b.logs[id] = append(b.logs[id], &landed)
	}
}

// arrive lets one late batch land, or drops it.
func (b *broker) arrive(i int) {
	l := b.wire[i]
	b.wire = slices.Delete(b.wire, i, i+1)
	if b.world.rand.IntN(3) > 0 {
		k := l.records[0]
		b.world.tell("a late batch of %d lands in %s/%d", len(l.records), k.Topic, k.Partition)
		b.append(partitionID{topic(k), k.Partition}, l.records)
	}
}

// settleFrom ends what a machine without power had on its way.
func (b *broker) settleFrom(g *gateway) {
	for i := len(b.wire) - 1; i >= 0; i-- {
		if b.wire[i].from == g {
			b.arrive(i)
		}
	}
}

func (b *broker) step() {
	w := b.world
	switch n := w.rand.IntN(10); {
	case n < 3 && len(b.wire) > 0:
		b.arrive(w.rand.IntN(len(b.wire)))
	case n < 8 && len(b.commits) > 0:
		b.takeCommit(w.rand.IntN(len(b.commits)))
	case n == 8:
		b.rebalance()
	}
}

// settle lets everything that is on its way arrive or get lost.
func (b *broker) settle() {
	for len(b.wire) > 0 {
		b.arrive(b.world.rand.IntN(len(b.wire)))
	}
	for len(b.commits) > 0 {
		b.takeCommit(b.world.rand.IntN(len(b.commits)))
	}
}

// takeCommit applies a commit of the present generation and checks what it says.
func (b *broker) takeCommit(i int) {
	w, c := b.world, b.commits[i]
	b.commits = slices.Delete(b.commits, i, i+1)
	c.arrived = true
	if c.generation != b.number || !b.joined[c.member] {
		c.refused = true
		return
	}
	for id, o := range c.offsets {
		before := b.committed[id].offset
		if o.offset < before {
			w.fail("a stale commit won: %s/%d goes back from %d to %d", id.topic, id.n, before, o.offset)
			return
		}
		if o.metadata == "" {
			b.checkDelivered(id, before, o.offset)
		}
		b.committed[id] = o
		w.tell("%s commits %s/%d at %d %q", c.member, id.topic, id.n, o.offset, o.metadata)
	}
}

// checkDelivered sees that what is committed is in the table, or a repeat.
func (b *broker) checkDelivered(id partitionID, from, to int64) {
	seen := make(map[string]uint64)
	for _, k := range b.logs[id][:to] {
		r := toRecord(k)
		first := r.Seq > seen[r.Node]
		seen[r.Node] = max(seen[r.Node], r.Seq)
		if first && r.Offset >= from && b.world.server.rows[id][r.Offset] == 0 {
			b.world.fail("%s/%d is committed up to %d and the table lacks %d", id.topic, id.n, to, r.Offset)
			return
		}
	}
}

// rebalance begins a generation with the consumers that live, and sometimes
// without one that does.
func (b *broker) rebalance() {
	w := b.world
	b.number++
	b.joined = make(map[string]bool)
	b.owner = make(map[partitionID]string)
	var members []string
	for _, c := range w.consumers {
		if c.alive && !c.paused && !w.maybe(8) {
			members = append(members, c.member())
			b.joined[c.member()] = true
		}
	}
	w.tell("generation %d: %v", b.number, members)
	if len(members) == 0 {
		return
	}
	shift := w.rand.IntN(len(members))
	for i, id := range b.ids() {
		b.owner[id] = members[(i+shift)%len(members)]
	}
}

// regroup begins a generation when somebody who lives is not in this one.
func (b *broker) regroup() bool {
	for _, c := range b.world.consumers {
		if !c.alive || c.paused || !b.joined[c.member()] {
			c.alive, c.paused = true, false
			b.rebalance()
			return true
		}
	}
	return false
}

// server is the world's ClickHouse table.
type server struct {
	world   *world
	tokens  map[string]time.Time
	rows    map[partitionID]map[int64]int
	inserts []*insertRequest
	saved   map[partitionID][]checkpointRow
}

// insertRequest is an INSERT on its way.
type insertRequest struct {
	id           partitionID
	token        string
	offsets      []int64
	over, failed bool // as its sender sees it
}

func newServer(w *world) *server {
	s := &server{world: w, tokens: make(map[string]time.Time), rows: make(map[partitionID]map[int64]int), saved: make(map[partitionID][]checkpointRow)}
	for id := range w.broker.logs {
		s.rows[id] = make(map[int64]int)
	}
	return s
}

func (s *server) step() {
	w := s.world
	switch {
	case len(s.inserts) > 0 && w.rand.IntN(12) > 0:
		s.take(w.rand.IntN(len(s.inserts)))
	case len(s.inserts) > 0 && w.rand.IntN(3) == 0:
		s.crash()
	}
}

// take ends one insert: it lands, or is refused, and the answer arrives or not.
func (s *server) take(i int) {
	w, q := s.world, s.inserts[i]
	s.inserts = slices.Delete(s.inserts, i, i+1)
	if q.failed = w.maybe(4); !q.failed || w.rand.IntN(2) == 0 {
		s.land(q, true)
	}
	q.over = true
}

// land is the effect of an insert. A server that dies in it may keep the token without the rows.
func (s *server) land(q *insertRequest, whole bool) {
	if _, known := s.tokens[q.token]; known {
		s.world.tell("insert %s is a repeat", q.token)
		return
	}
	s.world.tell("insert %s %v lands, with its rows: %v", q.token, q.offsets, whole)
	s.tokens[q.token] = s.world.now
	if !whole {
		return
	}
	for _, o := range q.offsets {
		if s.rows[q.id][o]++; s.rows[q.id][o] > 1 {
			s.world.fail("row %s/%d/%d is in the table twice", q.id.topic, q.id.n, o)
		}
	}
}

// crash kills the server and starts it again.
func (s *server) crash() {
	s.world.tell("clickhouse is killed")
	for _, q := range s.inserts {
		q.over, q.failed = true, true
		switch s.world.rand.IntN(3) {
		case 0:
			s.land(q, true)
		case 1:
			s.land(q, false)
		}
	}
	s.inserts = nil
}

// settle ends all inserts.
func (s *server) settle() {
	for len(s.inserts) > 0 {
		s.take(s.world.rand.IntN(len(s.inserts)))
	}
}

// tokenMemory is how long a token is remembered at least.
const tokenMemory = maxBatchAge + insertLimit

// forget drops tokens that are old, as the window of the last blocks does.
func (s *server) forget() {
	for _, token := range slices.Sorted(maps.Keys(s.tokens)) {
		if s.world.now.Sub(s.tokens[token]) > tokenMemory && s.world.rand.IntN(2) == 0 {
			delete(s.tokens, token)
		}
	}
}

// missing are the offsets that the table does not hold.
func (s *server) missing(id partitionID, offsets []int64) []int64 {
	var missing []int64
	for _, o := range offsets {
		if s.rows[id][o] == 0 {
			missing = append(missing, o)
		}
	}
	return missing
}

func (s *server) save(id partitionID, offset int64, seen map[string]uint64) {
	s.world.tell("checkpoint of %s/%d at %d: %v", id.topic, id.n, offset, seen)
	s.saved[id] = append(s.saved[id], checkpointRow{offset, maps.Clone(seen)})
}

// newest is the last checkpoint at or before an offset.
func (s *server) newest(id partitionID, offset int64) checkpointRow {
	best := checkpointRow{0, make(map[string]uint64)}
	for _, row := range s.saved[id] {
		if row.offset <= offset && row.offset >= best.offset {
			best = checkpointRow{row.offset, maps.Clone(row.seen)}
		}
	}
	return best
}

func (id partitionID) String() string { return fmt.Sprintf("%s/%d", id.topic, id.n) }

func topic(k *kgo.Record) schemas.Topic { return schemas.Topic(k.Topic) }
