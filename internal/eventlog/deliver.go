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
// through stays announced, and its partition is paused until it does.
func (c *Consumer) deliver(ctx context.Context, parts []*partition) {
	var announce []*partition
	for _, p := range parts {
		if p.sending == nil && p.batch.Rows() > 0 && p.delivery.repeat == nil {
			announce = append(announce, p)
		}
	}
	if err := c.commit(ctx, announce, func(p *partition) (int64, string) {
		return p.delivery.committed, p.delivery.filling.String()
	}); err != nil {
		c.restart(fmt.Errorf("announce batch: %w", err))
		return
	}
	now := time.Now()
	for _, p := range parts {
		if p.sending == nil {
			p.sending = &sending{repeated: p.delivery.repeat != nil, token: 1, announced: now}
		}
	}
	next := make([]step, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() { next[i] = c.send(ctx, p) })
	}
	wg.Wait()
	var finished, abandoned []*partition
	for i, p := range parts {
		switch next[i] {
		case stepCommit:
			finished = append(finished, p)
			c.resume(p)
		case stepAbandon:
			abandoned = append(abandoned, p)
		default:
			c.pause(p)
		}
	}
	if len(abandoned) > 0 {
		c.restart(fmt.Errorf("batch of %s/%d was announced %s ago", abandoned[0].topic, abandoned[0].n, maxBatchAge))
		return
	}
	c.finish(ctx, finished)
}

// send does the steps of one batch until it may be committed, is abandoned, or
// the time is over.
func (c *Consumer) send(ctx context.Context, p *partition) step {
	s, pause := p.sending, retryFirst
	if err := c.writeDead(ctx, p); err != nil {
		c.health.failed(err)
		return s.within(stepInsert, time.Now())
	}
	if p.batch.Rows() == 0 {
		return stepCommit
	}
	next := s.begin(time.Now())
	if s.verifying {
		next = s.within(stepVerify, time.Now())
	}
	missing := p.batch
	for {
		var err error
		switch next {
		case stepCommit, stepAbandon:
			return next
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
				c.metrics.lostRows.Add(float64(lacks.Rows()))
				c.o.Logger.Warn("the server held a batch's token without its rows; inserting them again", "topic", p.topic, "partition", p.n, "rows", lacks.Rows())
				missing = lacks
			}
			next = s.verified(err != nil, lacks != nil, time.Now())
		}
		if err == nil {
			c.health.worked()
			continue
		}
		c.health.failed(err)
		c.o.Logger.Warn("deliver batch", "topic", p.topic, "partition", p.n, "first", p.delivery.filling.first, "last", p.delivery.filling.last, "error", err)
		select {
		case <-ctx.Done():
			return next
		case <-time.After(pause):
		}
		pause = min(2*pause, retryMax)
	}
}

func (c *Consumer) insert(ctx context.Context, p *partition, rows Batch) error {
	ctx, cancel := context.WithTimeout(ctx, insertLimit)
	defer cancel()
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
	if err := c.commit(ctx, parts, func(p *partition) (int64, string) {
		return p.delivery.filling.last + 1, ""
	}); err != nil {
		c.restart(fmt.Errorf("commit: %w", err))
		return
	}
	for _, p := range parts {
		p.delivery.done()
		p.batch = c.o.Sink.NewBatch(p.topic, p.n)
		p.sending, p.dead = nil, nil
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

// writeDead puts undecodable records into weir.dead before their batch is
// committed. A repeat writes them again; readers go by topic, partition, offset.
func (c *Consumer) writeDead(ctx context.Context, p *partition) error {
	if len(p.dead) == 0 {
		return nil
	}
	var records []*kgo.Record
	for _, d := range p.dead {
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
	if err := produce(ctx, c.client, records); err != nil {
		return fmt.Errorf("write dead records: %w", err)
	}
	p.dead = nil
	return nil
}

// checkpoint saves the repeat filter of partitions that have folded at least
// min records since the last time and have nothing half-delivered: the state
// belongs to exactly the committed offset.
func (c *Consumer) checkpoint(ctx context.Context, parts []*partition, atLeast int64) {
	for _, p := range parts {
		d := p.delivery
		if p.sending != nil || p.forgotten || d.folded < atLeast || d.next != d.committed {
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
