package eventlog

import (
	"context"
	"fmt"
	"slices"
)

// consumer is a process of the world that drives the Consumer's partitions. Its
// client may have learned of a generation before its partitions were given up.
type consumer struct {
	world  *world
	name   string
	life   int // how often it was started
	alive  bool
	paused bool
	newest int32 // the generation that its client knows
	parts  []*held
}

// held is a partition of the product with what is on its way for it.
type held struct {
	partition
	rows    offsets
	insert  *insertRequest
	missing []int64 // what the table lacked when it was asked; nil for all rows
	commit  *commitRequest
}

// offsets is a batch of the world: its rows are offsets.
type offsets struct{ taken []int64 }

func (o *offsets) Add(r *Record) error                    { o.taken = append(o.taken, r.Offset); return nil }
func (o *offsets) Rows() int                              { return len(o.taken) }
func (o *offsets) Bytes() int                             { return len(o.taken) }
func (o *offsets) Insert(context.Context, string) error   { panic("the world inserts") }
func (o *offsets) Missing(context.Context) (Batch, error) { panic("the world verifies") }

func (c *consumer) member() string { return fmt.Sprint(c.name, ".", c.life) }

// step lets the consumer do one thing, or something be done to it.
func (c *consumer) step() {
	w := c.world
	switch {
	case !c.alive:
		c.start()
	case w.maybe(150):
		c.kill()
	case w.maybe(100):
		c.paused = !c.paused
		w.tell("%s paused: %v", c.member(), c.paused)
	case c.paused:
	case c.newest != w.broker.number && w.rand.IntN(3) == 0:
		c.newest = w.broker.number // heard by the client, not yet by the partitions
	case c.stale() && (w.rand.IntN(4) == 0 || len(c.parts) == 0):
		c.assign()
	default:
		c.work()
	}
}

func (c *consumer) start() {
	c.alive, c.paused = true, false
	c.life++
	c.world.tell("%s starts", c.member())
}

func (c *consumer) kill() {
	c.world.tell("%s is killed", c.member())
	c.alive, c.parts = false, nil
}

// stale tells whether the client is in a generation that the partitions are not of.
func (c *consumer) stale() bool {
	if c.newest != c.world.broker.number || !c.world.broker.joined[c.member()] {
		return false
	}
	return len(c.parts) == 0 || c.parts[0].generation != c.newest
}

// assign gives up what was held and begins the partitions of the generation.
func (c *consumer) assign() {
	b := c.world.broker
	c.parts = nil
	if !b.joined[c.member()] {
		return
	}
	c.newest = b.number
	for _, id := range b.ids() {
		if b.owner[id] != c.member() {
			continue
		}
		if p := c.begin(id); p != nil {
			c.parts = append(c.parts, p)
		}
	}
}

// begin does what the assigner does for one partition.
func (c *consumer) begin(id partitionID) *held {
	w := c.world
	at := standing{committed: -1}
	beyond := int64(0)
	if o, ok := w.broker.committed[id]; ok {
		at.committed, at.metadata = o.offset, o.metadata
		beyond = int64(len(w.broker.logs[id]))
	}
	for offset := range w.server.rows[id] {
		at.rows = at.rows || offset >= beyond
	}
	committed, announced, err := at.begin()
	if err != nil {
		w.fail("%s cannot begin %v: %v", c.member(), id, err)
		return nil
	}
	checkpoint := w.server.newest(id, committed)
	p := &held{partition: partition{partitionID: id, membership: membership{c.member(), c.newest}, topicID: string(id.topic)}}
	p.delivery, err = newDelivery(committed, checkpoint.offset, checkpoint.seen, announced)
	if err != nil {
		w.fail("%s cannot begin %v: %v", c.member(), id, err)
		return nil
	}
	p.batch = &p.rows
	w.tell("%s begins %v at %d, announced %v", c.member(), id, committed, announced)
	return p
}

// restart forgets everything and asks for a new generation.
func (c *consumer) restart(reason string) {
	c.world.tell("%s begins again: %s", c.member(), reason)
	c.parts = nil
	c.world.broker.rebalance()
}

// work takes one partition a step further.
func (c *consumer) work() {
	if len(c.parts) == 0 {
		return
	}
	p := c.parts[c.world.rand.IntN(len(c.parts))]
	switch {
	case p.insert != nil:
		c.hearInsert(p)
	case p.commit != nil:
		c.hearCommit(p)
	case p.sending != nil:
		c.send(p)
	default:
		c.read(p)
	}
}

// read folds the next record, cuts the batch or saves a checkpoint.
func (c *consumer) read(p *held) bool {
	w := c.world
	d := p.delivery
	// An announced batch is cut where it was; any other one anywhere.
	if w.calm || w.rand.IntN(3) == 0 || d.repeat != nil {
		cut, err := d.cut(p.rows.Rows(), p.rows.Bytes(), limits{})
		if err != nil {
			w.fail("%s cannot cut %v: %v", c.member(), p.partitionID, err)
			return false
		}
		if cut {
			p.sending = w.rules.send(d, p.rows.Rows(), 0, w.now)
			w.tell("%s cuts %v: %v, repeat %v", c.member(), p.partitionID, d.filling, p.sending.repeated)
			return true
		}
	}
	if w.maybe(4) && w.rules.checkpointed(d, 1) {
		w.server.save(p.partitionID, d.committed, d.seen)
		d.folded = 0
		return true
	}
	log := w.broker.logs[p.partitionID]
	if d.next >= int64(len(log)) {
		return false
	}
	r := toRecord(log[d.next])
	v, err := d.read(&r)
	if err != nil {
		w.fail("%s cannot read %v: %v", c.member(), p.partitionID, err)
		return false
	}
	if v == take {
		_ = p.batch.Add(&r) // the world's batch takes everything
	}
	return true
}

// send does the next step of a batch.
func (c *consumer) send(p *held) {
	w, s := c.world, p.sending
	next := s.next
	if w.maybe(4) { // a turn ended here, and another begins
		next, p.missing = s.resume(w.now), nil
	}
	switch next {
	case stepAnnounce, stepCommit:
		what, err := commitments([]*partition{&p.partition}, s.next)
		if err != nil {
			w.fail("%s: %v", c.member(), err)
			return
		}
		what.membership = w.rules.pinned(what, membership{c.member(), c.newest})
		p.commit = &commitRequest{commitment: what}
		w.broker.commits = append(w.broker.commits, p.commit)
	case stepInsert:
		lacks := p.missing
		if lacks == nil {
			lacks = p.rows.taken
		}
		p.insert = &insertRequest{
			id:      p.partitionID,
			token:   w.rules.token(p.topicID, Position{Consumer: "world", Generation: 1, Partition: p.n}, p.delivery.filling, s.token, int64(len(w.broker.logs[p.partitionID]))),
			offsets: slices.Clone(lacks),
		}
		if !w.now.Before(s.until()) { // its time was over before it was sent
			p.insert.over, p.insert.failed = true, true
			return
		}
		w.server.inserts = append(w.server.inserts, p.insert)
	case stepVerify:
		if w.maybe(6) {
			s.verified(true, false, w.now)
			return
		}
		p.missing = w.server.missing(p.partitionID, p.rows.taken)
		s.verified(false, len(p.missing) > 0, w.now)
	case stepAbandon:
		c.restart("a batch is too old")
	}
}

// hearInsert takes the answer of an insert, or gives up waiting for it.
func (c *consumer) hearInsert(p *held) {
	w := c.world
	switch {
	case p.insert.over:
		w.rules.inserted(p.sending, p.insert.failed, w.now)
	case w.maybe(8):
		w.rules.inserted(p.sending, true, w.now)
	default:
		return
	}
	p.insert = nil
}

// hearCommit takes the answer of a commit, or gives up waiting for it.
func (c *consumer) hearCommit(p *held) {
	w, q := c.world, p.commit
	failed := false
	switch {
	case q.arrived:
		failed = q.refused || w.maybe(10)
	case w.maybe(8):
		failed = true
	default:
		return
	}
	p.commit = nil
	if p.sending.next == stepAnnounce {
		if w.rules.announced(p.sending, failed, w.now) == stepAbandon {
			c.restart("the announcement failed")
		}
		return
	}
	if failed {
		c.restart("the commit failed")
		return
	}
	p.delivery.done()
	p.rows, p.sending, p.missing = offsets{}, nil, nil
	p.batch = &p.rows
}

// finish works until nothing is left and tells whether there was something.
func (c *consumer) finish() (busy bool) {
	if c.newest != c.world.broker.number {
		c.newest = c.world.broker.number
	}
	if c.stale() {
		c.assign()
	}
	for _, p := range slices.Clone(c.parts) {
		switch {
		case p.insert != nil:
			c.hearInsert(p)
		case p.commit != nil:
			c.hearCommit(p)
		case p.sending != nil:
			c.send(p)
		default:
			if !c.read(p) {
				continue
			}
		}
		busy = true
	}
	return busy
}
