package eventlog

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"weir/schemas"
)

// PartitionID names a partition of a topic.
type PartitionID struct {
	Topic     schemas.Topic
	Partition int32
}

// AllBounds returns for every partition of the topics the first offset that it
// still holds and the one after its last.
func (l *Log) AllBounds(ctx context.Context, topics ...schemas.Topic) (starts, ends map[PartitionID]int64, err error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = string(t)
	}
	adm := kadm.NewClient(l.client)
	read := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[PartitionID]int64, error) {
		listed, err := list(ctx, names...)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("list offsets of %v: %w", names, err)
		}
		offsets := make(map[PartitionID]int64)
		listed.Each(func(o kadm.ListedOffset) {
			offsets[PartitionID{schemas.Topic(o.Topic), o.Partition}] = o.Offset
		})
		return offsets, nil
	}
	if starts, err = read(adm.ListStartOffsets); err != nil {
		return nil, nil, err
	}
	ends, err = read(adm.ListEndOffsets)
	return starts, ends, err
}

// Committed returns the offsets that a group has committed: everything below is
// delivered. Partitions without one are not in the map; a group that is not known
// has none.
func (l *Log) Committed(ctx context.Context, group string) (map[PartitionID]int64, error) {
	responses, err := kadm.NewClient(l.client).FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read the offsets of group %s: %w", group, err)
	}
	offsets := make(map[PartitionID]int64)
	responses.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			offsets[PartitionID{schemas.Topic(o.Topic), o.Partition}] = o.At
		}
	})
	return offsets, nil
}

// Records is Range as an iterator. A record is valid until the next; an error
// is the last that it yields.
func (l *Log) Records(ctx context.Context, p PartitionID, from, to int64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		stopped := false
		err := l.Range(ctx, p.Topic, p.Partition, from, to, func(r *Record) error {
			if !yield(r, nil) {
				stopped = true
				return context.Canceled
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}
