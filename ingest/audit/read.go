package audit

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"weir/internal/eventlog"
	"weir/schemas"
)

// ledger are the topics whose events an audit accounts for.
var ledger = []schemas.Topic{schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage}

// places are offsets of partitions.
type places map[eventlog.PartitionID]int64

// of returns the places of one topic by partition.
func (p places) of(t schemas.Topic) map[int32]int64 {
	m := make(map[int32]int64)
	for id, offset := range p {
		if id.Topic == t {
			m[id.Partition] = offset
		}
	}
	return m
}

// readTo folds the log up to a place in each partition. The three topics of one
// number are read side by side, in the order in which Kafka got their records,
// so that no more calls are held than were open at once. seen is called with
// every event and may be nil.
func (s *state) readTo(ctx context.Context, log *eventlog.Log, starts, to, proving places, seen func(*eventlog.Record)) error {
	numbers := make(map[int32]bool)
	for id := range to {
		numbers[id.Partition] = true
	}
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		if err := s.readNumber(ctx, log, n, starts, to, proving, seen); err != nil {
			return err
		}
	}
	return nil
}

// source is one partition on its way.
type source struct {
	partition *partition
	proving   int64
	head      *eventlog.Record
	next      func() (*eventlog.Record, error, bool)
	stop      func()
}

func (s *state) readNumber(ctx context.Context, log *eventlog.Log, n int32, starts, to, proving places, seen func(*eventlog.Record)) error {
	var sources []*source
	defer func() {
		for _, src := range sources {
			src.stop()
		}
	}()
	for _, t := range ledger {
		id := eventlog.PartitionID{Topic: t, Partition: n}
		p := s.at(id, starts[id])
		if p.Next >= to[id] {
			continue
		}
		next, stop := iter.Pull2(log.Records(ctx, id, p.Next, to[id]))
		sources = append(sources, &source{partition: p, proving: proving[id], next: next, stop: stop})
	}
	for _, src := range sources {
		if err := src.advance(); err != nil {
			return err
		}
	}
	for {
		var first *source
		for _, src := range sources {
			if src.head != nil && (first == nil || src.head.Appended.Before(first.head.Appended)) {
				first = src
			}
		}
		if first == nil {
			break
		}
		if s.fold(first.partition, first.head, first.head.Offset < first.proving) && seen != nil {
			seen(first.head)
		}
		if err := first.advance(); err != nil {
			return err
		}
	}
	for _, src := range sources {
		p := src.partition
		if end := to[eventlog.PartitionID{Topic: p.Topic, Partition: n}]; p.Next < end {
			p.skip(end)
		}
	}
	return ctx.Err()
}

func (s *source) advance() error {
	r, err, ok := s.next()
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	s.head = nil
	if ok {
		s.head = r
	}
	return nil
}
