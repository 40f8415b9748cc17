package eventlog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"weir/schemas"
)

// assigner turns what the group has committed into the state that each
// partition begins with. The client calls fetched, then assign, in one
// goroutine of each session.
type assigner struct {
	consumer *Consumer

	mu       sync.Mutex // owns metadata
	metadata map[partitionID]string
}

// fetched keeps the metadata of the committed offsets.
func (a *assigner) fetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	<-a.consumer.opened
	a.mu.Lock()
	defer a.mu.Unlock()
	a.metadata = make(map[partitionID]string)
	keep := func(topic string, partition int32, metadata *string, code int16) error {
		if topic == "" { // the client resolves the ids of topics that it consumes
			return errors.New("fetch offsets: a topic without a name")
		}
		if err := kerr.ErrorForCode(code); err != nil {
			return fmt.Errorf("fetch offset of %s/%d: %w", topic, partition, err)
		}
		if metadata != nil {
			a.metadata[partitionID{schemas.Topic(topic), partition}] = *metadata
		}
		return nil
	}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := keep(t.Topic, p.Partition, p.Metadata, p.ErrorCode); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// assign prepares every partition of a session and says where to read from. It
// waits for ClickHouse as long as the session lasts.
func (a *assigner) assign(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	c := a.consumer
	member, generation := c.client.GroupMetadata()
	adm := kadm.NewClient(c.client)
	names := make([]string, 0, len(offsets))
	for t := range offsets {
		names = append(names, t)
	}
	topics, err := adm.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	starts, err := adm.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list start offsets: %w", err)
	}
	ends, err := adm.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	var ready []*partition
	for t, parts := range offsets {
		topicID := topics[t].ID
		for n, committed := range parts {
			p := &partition{
				partitionID: partitionID{schemas.Topic(t), n},
				membership:  membership{member, generation},
				topicID:     hex.EncodeToString(topicID[:]),
			}
			start, ok1 := starts.Lookup(t, n)
			end, ok2 := ends.Lookup(t, n)
			if err := errors.Join(start.Err, end.Err); err != nil || !ok1 || !ok2 {
				return nil, fmt.Errorf("list offsets of %s/%d: %w", t, n, err)
			}
			from, err := a.prepare(ctx, p, committed.EpochOffset().Offset, start.Offset, end.Offset)
			if err != nil {
				return nil, err
			}
			parts[n] = kgo.NewOffset().At(from)
			ready = append(ready, p)
		}
	}
	c.mu.Lock()
	for _, p := range ready {
		c.partitions[p.partitionID] = p
	}
	c.mu.Unlock()
	if c.o.Follower != nil {
		for _, p := range ready {
			c.o.Follower.Assigned(ctx, p.topic, p.n, p.delivery.committed)
		}
	}
	c.o.Logger.Info("partitions assigned", "group", c.o.Group, "partitions", len(ready), "group_generation", generation)
	return offsets, nil
}

// prepare builds one partition's state and returns the offset to read from.
func (a *assigner) prepare(ctx context.Context, p *partition, committed, start, end int64) (from int64, err error) {
	c := a.consumer
	a.mu.Lock()
	s := standing{committed: committed, metadata: a.metadata[p.partitionID], start: start, expires: p.topic == schemas.TopicPayloads}
	a.mu.Unlock()
	beyond := end // of the log; without a committed offset any row is too many
	if committed < 0 {
		beyond = 0
	}
	s.rows, err = waitFor(ctx, c, func() (bool, error) { return c.o.Sink.HasRows(ctx, p.topic, p.n, beyond) })
	if err != nil {
		return 0, err
	}
	committed, announced, err := s.begin()
	switch {
	case errors.Is(err, errRowsWithoutOffset):
		return 0, c.stop(fmt.Errorf("%s/%d: %w; set that of group %s to the offset after the last row: %s", p.topic, p.n, err, c.o.Group, c.wayOn(p.topic, p.n, "OFFSET")))
	case errors.Is(err, errRowsBeyondLog):
		return 0, c.stop(fmt.Errorf("%s/%d: %w, at offset %d: another log was put under these tables, and would fill them twice; docs/operations.md, \"Kafka is lost\", says how to go on", p.topic, p.n, err, end))
	case errors.Is(err, errLogBeginsLate), errors.Is(err, errExpired):
		return 0, c.stop(fmt.Errorf("%s/%d: offsets %d to %d: %w; to go on without them: %s", p.topic, p.n, max(s.committed, 0), start-1, err, c.wayOn(p.topic, p.n, "earliest")))
	case err != nil:
		return 0, c.stop(fmt.Errorf("%s/%d: %w", p.topic, p.n, err))
	}
	type checkpoint struct {
		offset int64
		seen   map[string]uint64
	}
	at, err := waitFor(ctx, c, func() (checkpoint, error) {
		offset, seen, err := c.o.Progress.Newest(ctx, c.position(p, committed))
		return checkpoint{offset, seen}, err
	})
	if err != nil {
		return 0, err
	}
	if at.seen == nil {
		at.seen = make(map[string]uint64)
	}
	p.delivery, err = newDelivery(committed, max(at.offset, start), at.seen, announced)
	if err != nil {
		return 0, c.stop(fmt.Errorf("%s/%d: %w", p.topic, p.n, err))
	}
	p.batch = c.o.Sink.NewBatch(p.topic, p.n)
	return p.delivery.next, nil
}

// waitFor tries again until fn succeeds or the session ends.
func waitFor[T any](ctx context.Context, c *Consumer, fn func() (T, error)) (T, error) {
	pause := retryFirst
	for {
		v, err := fn()
		if err == nil {
			c.health.worked()
			return v, nil
		}
		c.health.failed(err)
		c.o.Logger.Warn("begin partition", "group", c.o.Group, "error", err)
		select {
		case <-ctx.Done():
			return v, errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, retryMax)
	}
}

// revoked runs while no turn does, before the partitions go to others.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, gone map[string][]int32) {
	c.turns.Lock()
	defer c.turns.Unlock()
	parts := c.named(gone)
	c.flush(ctx, parts, false)
	c.forget(parts)
}

// lost runs when the group has gone on without us.
func (c *Consumer) lost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	c.turns.Lock()
	defer c.turns.Unlock()
	c.forget(c.named(gone))
}

func (c *Consumer) named(m map[string][]int32) []*partition {
	var parts []*partition
	for t, ns := range m {
		for _, n := range ns {
			if p := c.partition(partitionID{schemas.Topic(t), n}); p != nil {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// forget drops all memory of the partitions. The client would keep a paused one paused for ever, also
// when the group gives it back.
func (c *Consumer) forget(parts []*partition) {
	for _, p := range parts {
		p.forgotten = true
		c.resume(p)
		c.mu.Lock()
		current := c.partitions[p.partitionID] == p
		if current {
			delete(c.partitions, p.partitionID)
		}
		c.mu.Unlock()
		if current && c.o.Follower != nil {
			c.o.Follower.Revoked(p.topic, p.n)
		}
	}
}
