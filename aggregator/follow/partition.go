package follow

import "weir/internal/live"

// phase says what is known about a partition's copy in Redis.
type phase int

const (
	unread    phase = iota // its position has not been read yet
	following              // Redis holds what stands before position
	ahead                  // Redis is past the log's offset: the first batch must explain it
	lost                   // Redis lacks something; the log must be read
	reading                // the log is being read
	writing                // the log was read; the sums must be written
)

func (p phase) String() string {
	return [...]string{"unread", "following", "ahead", "lost", "reading", "writing"}[p]
}

// partition is the state of one partition between its assignment and its
// revocation, and every rule about it. Records before end were delivered to us.
// They are in Redis (before position), in flight, pending, or, while the
// partition is lost, only in the log.
type partition struct {
	id       int32
	phase    phase
	position live.Position // unless unread, lost or reading
	end      int64

	// flight is what is being applied: frozen, since a part of it may be in
	// Redis already, after which only exactly the same may follow. pending comes
	// after it.
	flight, pending *span

	// While writing: the sums of the log before position.Next.
	restored *live.Deltas
}

// span is what the records [from, next) change.
type span struct {
	from, next int64
	deltas     *live.Deltas
	borrowed   bool // the deltas belong to a batch and must not be changed
}

// merge adds records that follow directly.
func (s *span) merge(next int64, d *live.Deltas) {
	if s.borrowed {
		sum := new(live.Deltas)
		sum.Merge(s.deltas)
		s.deltas, s.borrowed = sum, false
	}
	s.deltas.Merge(d)
	s.next = next
}

// assigned begins a partition of which everything before the offset end is in
// ClickHouse.
func assigned(id int32, end int64) partition { return partition{id: id, end: end} }

// delivered takes a batch that ends before the offset next. A batch that was
// delivered before changes nothing. Keep bounds the sums that wait in memory.
func (p *partition) delivered(from, next int64, d *live.Deltas, keep int) {
	switch {
	case next <= p.end:
		return
	case from < p.end:
		// Cut in another way than before: it cannot be parted.
		p.end = next
		p.lose()
		return
	}
	batch := &span{p.end, next, d, true}
	p.end = next
	switch {
	case p.phase == lost:
	case p.flight == nil && p.pending == nil && !p.restoring():
		// The first batch after an assignment may be a repeat that is in Redis
		// in part: it goes alone.
		p.flight = batch
		if p.phase == ahead {
			p.locate(p.position, true)
		}
	case p.pending == nil:
		p.pending = batch
	default:
		p.pending.merge(next, d)
	}
	// A restore holds all sums of the partition in any case: no bound would help.
	if p.pending != nil && !p.restoring() && p.pending.deltas.Len() > keep {
		p.lose()
	}
}

// restoring tells whether a restore is under way.
func (p *partition) restoring() bool { return p.phase == reading || p.phase == writing }

// locate compares the position that Redis has with what it should be.
func (p *partition) locate(at live.Position, held bool) {
	start := p.end
	switch {
	case p.flight != nil:
		start = p.flight.from
	case p.pending != nil:
		start = p.pending.from
	}
	switch {
	case held && at.Next == start:
		p.phase, p.position = following, at
	case held && p.flight != nil && at.Next == p.flight.next:
		p.phase, p.position = following, at
		p.takeOff()
	case held && p.flight == nil && at.Next > start:
		// Applied by an owner that died before it committed: the batch that comes
		// next is then exactly what Redis is ahead by.
		p.phase, p.position = ahead, at
	default:
		p.lose()
	}
}

// checked compares the position that Redis has with the one that it had. What is
// in flight finds out by itself.
func (p *partition) checked(at live.Position, held bool) {
	idle := p.phase == following && p.flight == nil || p.phase == ahead
	if idle && (!held || at != p.position) {
		p.lose()
	}
}

// unexplained ends the wait for a batch that explains why Redis is ahead.
func (p *partition) unexplained() {
	if p.phase == ahead {
		p.lose()
	}
}

// due is the range that must be applied next, nil when there is none.
func (p *partition) due() *live.Range {
	if p.phase != following || p.flight == nil {
		return nil
	}
	return &live.Range{Partition: p.id, Epoch: p.position.Epoch, From: p.flight.from, Next: p.flight.next}
}

// applied takes the answer for the flight: whether Redis stood where it should.
func (p *partition) applied(ok bool) {
	if !ok {
		p.lose()
		return
	}
	p.position.Next = p.flight.next
	p.takeOff()
}

// takeOff makes what is pending the next flight.
func (p *partition) takeOff() { p.flight, p.pending = p.pending, nil }

// lose gives up what Redis holds and what waits for it: the log has it all.
func (p *partition) lose() {
	p.phase = lost
	p.flight, p.pending, p.restored = nil, nil, nil
}

// begin starts to read the log before the offset that is returned.
func (p *partition) begin() (before int64) {
	p.phase = reading
	return p.end
}

// read takes the sums of the log before an offset, to be written under an epoch.
func (p *partition) read(epoch live.Epoch, before int64, sums *live.Deltas) {
	p.phase, p.position, p.restored = writing, live.Position{Epoch: epoch, Next: before}, sums
}

// gather adds what was delivered meanwhile to the sums that are to be written,
// and returns them with the position that they make.
func (p *partition) gather() (live.Position, *live.Deltas) {
	if p.pending != nil {
		p.restored.Merge(p.pending.deltas)
		p.position.Next = p.pending.next
		p.pending = nil
	}
	return p.position, p.restored
}

// wrote ends a restore. What was delivered while it was being written follows.
func (p *partition) wrote() {
	p.phase, p.restored = following, nil
	p.takeOff()
}
