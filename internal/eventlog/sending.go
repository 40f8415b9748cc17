package eventlog

import (
	"fmt"
	"strconv"
	"time"
)

// step is what to do next with a batch that was cut.
type step int

const (
	stepBury     step = iota // write what cannot be decoded to weir.dead
	stepAnnounce             // commit the intent at the batch's first offset
	stepInsert               // insert under the current token
	stepVerify               // ask the table what it lacks, to insert that
	stepCommit               // all rows are in: commit the end
	stepAbandon              // too old, or beyond repair: forget everything, begin again from what is committed
)

// maxBatchAge is how long after its announcement a batch may be inserted. The
// server remembers the tokens of the last 100,000 blocks; a process that slept
// for longer must not insert.
const maxBatchAge = 10 * time.Minute

// maxTokens bounds how often lost rows are inserted again under a new token.
const maxTokens = 9

// sending is the state of a batch from its cut to the commit of its end.
type sending struct {
	next     step
	repeated bool      // a repeat is verified, not trusted
	token    int       // 1, 2, …: a token that the server holds without its rows is followed by another
	used     bool      // the server has the token: an insert under it succeeded
	since    time.Time // when it was announced, at the latest; monotonic
}

// send begins to deliver the batch that was cut, of so many rows and of so many
// records that cannot be decoded.
func (d *delivery) send(rows, dead int, now time.Time) *sending {
	s := &sending{token: 1, repeated: d.repeat != nil, since: now}
	if dead > 0 {
		s.next = stepBury
	} else {
		s.next = s.first(rows)
	}
	return s
}

// first is the step after what cannot be decoded is out of the way. A batch that
// an earlier owner announced stands in the metadata already, and the table is
// asked for it before anything is inserted: it may have been announced so long
// ago that the server no longer remembers its token. One without rows needs no
// announcement.
func (s *sending) first(rows int) step {
	switch {
	case rows == 0:
		return stepCommit
	case s.repeated:
		return stepVerify
	}
	return stepAnnounce
}

// buried gives the step after a write to weir.dead. A repeat writes the records
// again; readers go by topic, partition and offset.
func (s *sending) buried(failed bool, rows int, now time.Time) step {
	if failed {
		return s.within(stepBury, now)
	}
	return s.within(s.first(rows), now)
}

// resume gives the step to go on with after a while.
func (s *sending) resume(now time.Time) step {
	if s.next == stepInsert && s.repeated {
		s.next = stepVerify // what is missing may have come meanwhile
	}
	return s.within(s.next, now)
}

// until is when an insert must be over, also one whose process slept since it was
// decided on.
func (s *sending) until() time.Time { return s.since.Add(maxBatchAge) }

// within sets the next step, unless it comes too late to insert.
func (s *sending) within(next step, now time.Time) step {
	if (next == stepInsert || next == stepVerify) && now.Sub(s.since) >= maxBatchAge {
		next = stepAbandon
	}
	s.next = next
	return next
}

// announced gives the step after the commit of the intent. When it was refused
// the partition may be another's by now.
func (s *sending) announced(failed bool, now time.Time) step {
	if failed {
		return s.within(stepAbandon, now)
	}
	s.since = now
	return s.within(stepInsert, now)
}

// inserted gives the step after an insert.
func (s *sending) inserted(failed bool, now time.Time) step {
	if failed {
		// The server may have the rows all the same: the insert is repeated
		// under its token, and then verified.
		s.repeated = true
		return s.within(stepInsert, now)
	}
	s.used = true
	if s.repeated {
		return s.within(stepVerify, now)
	}
	return s.within(stepCommit, now)
}

// verified gives the step after a verification. What is missing goes in: under
// the batch's own token unless that was used already, else under the next one.
func (s *sending) verified(failed, missing bool, now time.Time) step {
	switch {
	case failed:
		return s.within(stepVerify, now)
	case !missing:
		return s.within(stepCommit, now)
	case s.used && s.token >= maxTokens:
		return s.within(stepAbandon, now)
	}
	if s.used {
		s.token++
		s.used = false
	}
	return s.within(stepInsert, now)
}

// token names a batch to ClickHouse, the same for every repeat.
func token(topicID string, p Position, b intent, n int) string {
	t := fmt.Sprintf("%s/%s/%d/%d/%d-%d", topicID, p.Consumer, p.Generation, p.Partition, b.first, b.last)
	if n > 1 {
		t += "/" + strconv.Itoa(n)
	}
	return t
}

// membership is how the group knows a consumer: a commit counts while the
// generation is the group's.
type membership struct {
	member     string
	generation int32
}

// commitment is one offset commit.
type commitment struct {
	membership
	offsets map[partitionID]committedOffset
}

type committedOffset struct {
	offset   int64
	metadata string
}

// commitments says what to commit for the partitions that have come to the
// step, stepAnnounce or stepCommit: under the membership that they were assigned
// under. The client would fill in its newest one, with which a consumer that
// slept overwrites its successor's offsets.
func commitments(parts []*partition, at step) (commitment, error) {
	var c commitment
	for _, p := range parts {
		if p.sending == nil || p.sending.next != at {
			continue
		}
		if c.offsets == nil {
			c = commitment{p.membership, make(map[partitionID]committedOffset)}
		}
		if p.membership != c.membership {
			return c, fmt.Errorf("partitions of two generations in one commit: %d and %d", c.generation, p.generation)
		}
		d := p.delivery
		if at == stepAnnounce {
			c.offsets[p.partitionID] = committedOffset{d.committed, d.filling.String()}
		} else {
			c.offsets[p.partitionID] = committedOffset{d.filling.last + 1, ""}
		}
	}
	return c, nil
}
