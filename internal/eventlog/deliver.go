package eventlog

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"weir/internal/service"
	"weir/schemas"
)

const (
	retryFirst = 50 * time.Millisecond
	retryMax   = 2 * time.Second
	// insertLimit bounds one INSERT or verification.
	insertLimit = 60 * time.Second
)

// deliver takes the batches of the partitions as far as they come before ctx
// ends: announce all, insert each, commit all. A batch that does not get
// through stays where it is, and its partition is paused until it does.
func (c *Consumer) deliver(ctx context.Context, parts []*partition) {
	now := time.Now()
	for _, p := range parts {
		if p.sending == nil {
			p.sending = p.delivery.send(p.batch.Rows(), len(p.dead), now)
		}
		if p.sending.next == stepBury {
			c.bury(ctx, p)
		}
	}
	announced := at(parts, stepAnnounce)
	err := c.commit(ctx, parts, stepAnnounce)
	for _, p := range announced {
		p.sending.announced(err != nil, time.Now())
	}
	if err != nil {
		c.restart(fmt.Errorf("announce batch: %w", err))
		return
	}
	var wg sync.WaitGroup
	for _, p := range parts {
		wg.Go(func() { c.send(ctx, p) })
	}
	wg.Wait()
	for _, p := range parts {
		if p.sending.next == stepCommit {
			c.resume(p)
		} else {
			c.pause(p)
		}
	}
	if old := at(parts, stepAbandon); len(old) > 0 {
		c.restart(fmt.Errorf("batch of %s/%d cannot be finished, or was announced %s ago", old[0].topic, old[0].n, maxBatchAge))
		return
	}
	c.finish(ctx, at(parts, stepCommit))
}

// at returns the partitions whose batch has come to a step.
func at(parts []*partition, s step) []*partition {
	var there []*partition
	for _, p := range parts {
		if p.sending.next == s {
			there = append(there, p)
		}
	}
	return there
}

// send inserts and verifies one batch until it may be committed, is abandoned,
// or the time is over.
func (c *Consumer) send(ctx context.Context, p *partition) {
	s, pause := p.sending, retryFirst
	missing := p.batch
	for next := s.resume(time.Now()); ; {
		var err error
		switch next {
		case stepInsert:
			err = c.insert(ctx, p, missing)
			if s.repeated || err != nil {
				c.metrics.repeatedInserts.Inc()
			}
			next = s.inserted(err != nil, time.Now())
		case stepVerify:
			var lacks Batch
			lacks, err = c.verify(ctx, p)
			if lacks != nil {
				missing = lacks
			}
			if lacks != nil && s.used {
				c.metrics.lostRows.Add(float64(lacks.Rows()))
				c.o.Logger.Warn("the server held a batch's token without its rows; inserting them again", "topic", p.topic, "partition", p.n, "rows", lacks.Rows())
			}
			next = s.verified(err != nil, lacks != nil, time.Now())
		default:
			return
		}
		if err == nil {
			c.health.worked()
			continue
		}
		c.health.failed(err)
		c.o.Logger.Warn("deliver batch", "topic", p.topic, "partition", p.n, "first", p.delivery.filling.first, "last", p.delivery.filling.last, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, retryMax)
	}
}

func (c *Consumer) insert(ctx context.Context, p *partition, rows Batch) error {
	ctx, cancel := context.WithTimeout(ctx, insertLimit)
	defer cancel()
	ctx, cancelLate := context.WithDeadline(ctx, p.sending.until())
	defer cancelLate()
	start := time.Now()
	if err := rows.Insert(ctx, token(p.topicID, c.position(p, 0), p.delivery.filling, p.sending.token)); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	c.metrics.insertSeconds.Observe(time.Since(start).Seconds())
	c.metrics.rows.WithLabelValues(string(p.topic)).Add(float64(rows.Rows()))
	return nil
}

func (c *Consumer) verify(ctx context.Context, p *partition) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, insertLimit)
	defer cancel()
	lacks, err := p.batch.Missing(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return lacks, nil
}

// finish tells the follower, commits the ends and begins new batches.
func (c *Consumer) finish(ctx context.Context, parts []*partition) {
	if c.o.Follower != nil {
		for _, p := range parts {
			c.o.Follower.Applied(ctx, p.batch, p.topic, p.n, p.delivery.filling.first, p.delivery.filling.last)
		}
	}
	if err := c.commit(ctx, parts, stepCommit); err != nil {
		c.restart(fmt.Errorf("commit: %w", err))
		return
	}
	for _, p := range parts {
		p.delivery.done()
		p.batch = c.o.Sink.NewBatch(p.topic, p.n)
		p.sending, p.oldest = nil, time.Time{}
		c.metrics.batches.Inc()
	}
}

// restart forgets everything that is in memory of the partitions and has the
// group begin again from what is committed. It follows every refused commit:
// the offsets may belong to another consumer by now.
func (c *Consumer) restart(reason error) {
	c.o.Logger.Warn("beginning again from the committed offsets", "group", c.o.Group, "error", reason)
	c.metrics.restarts.Inc()
	c.forget(c.all())
	c.client.ForceRebalance()
}

func (c *Consumer) pause(p *partition) {
	if !p.paused {
		p.paused = true
		c.client.PauseFetchPartitions(map[string][]int32{string(p.topic): {p.n}})
	}
}

func (c *Consumer) resume(p *partition) {
	if p.paused {
		p.paused = false
		c.client.ResumeFetchPartitions(map[string][]int32{string(p.topic): {p.n}})
	}
}

// bury writes a batch's records that cannot be decoded to weir.dead.
func (c *Consumer) bury(ctx context.Context, p *partition) {
	err := c.writeDead(ctx, p.dead)
	if err != nil {
		c.health.failed(err)
		c.o.Logger.Warn("write dead records", "topic", p.topic, "partition", p.n, "error", err)
	} else {
		p.dead = nil
	}
	p.sending.buried(err != nil, p.batch.Rows(), time.Now())
}

func (c *Consumer) writeDead(ctx context.Context, dead []*schemas.DeadRecord) error {
	var records []*kgo.Record
	for _, d := range dead {
		value, err := d.MarshalVT()
		if err != nil {
			return fmt.Errorf("encode dead record: %w", err)
		}
		records = append(records, &kgo.Record{
			Topic: string(schemas.TopicDead), Key: []byte(d.RequestId), Value: value,
			Headers: []kgo.RecordHeader{
				{Key: schemas.HeaderRequestID, Value: []byte(d.RequestId)},
				{Key: schemas.HeaderNode, Value: []byte(d.Node)},
				{Key: schemas.HeaderSeq, Value: strconv.AppendUint(nil, d.Seq, 10)},
			},
		})
	}
	return produce(ctx, c.client, records)
}

// checkpoint saves the repeat filter of partitions that have folded at least
// min records since the last time and have nothing half-delivered: the state
// belongs to exactly the committed offset.
func (c *Consumer) checkpoint(ctx context.Context, parts []*partition, atLeast int64) {
	for _, p := range parts {
		d := p.delivery
		if p.sending != nil || p.forgotten || !d.checkpointed(atLeast) {
			continue
		}
		if err := c.o.Progress.Save(ctx, c.position(p, d.committed), d.seen); err != nil {
			c.o.Logger.Warn("save progress; a new owner reads more of the log", "topic", p.topic, "partition", p.n, "error", err)
			continue
		}
		d.folded = 0
	}
}

func (c *Consumer) position(p *partition, offset int64) Position {
	return Position{Consumer: c.o.Group, Generation: c.o.Generation, Topic: p.topic, Partition: p.n, Offset: offset}
}

// consumerHealth is the last delivery's outcome.
type consumerHealth struct {
	mu    sync.Mutex // owns the rest
	ready bool
	err   error
	since time.Time
}

func (h *consumerHealth) started() {
	h.mu.Lock()
	h.ready = true
	h.mu.Unlock()
}

func (h *consumerHealth) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.since = time.Now()
	}
	h.err = err
}

func (h *consumerHealth) worked() {
	h.mu.Lock()
	h.err = nil
	h.mu.Unlock()
}

func (h *consumerHealth) check() (service.State, map[string]any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.ready:
		return service.Down, map[string]any{"waiting_for": "kafka"}
	case h.err == nil:
		return service.OK, nil
	}
	return service.Degraded, map[string]any{"error": h.err.Error(), "since": h.since.UTC().Format(time.RFC3339)}
}
