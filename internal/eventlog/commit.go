package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"weir/schemas"
)

const commitLimit = 5 * time.Second

// commit commits one offset with metadata per partition, under the membership
// that they were assigned under.
func (c *Consumer) commit(ctx context.Context, parts []*partition, at func(*partition) (int64, string)) error {
	if len(parts) == 0 {
		return nil
	}
	member, generation := parts[0].member, parts[0].generation
	offsets := make(map[string]map[int32]kgo.EpochOffset)
	metadata := make(map[partitionID]string)
	for _, p := range parts {
		if p.member != member || p.generation != generation {
			return fmt.Errorf("partitions of two generations in one commit: %d and %d", generation, p.generation)
		}
		offset, text := at(p)
		if offsets[string(p.topic)] == nil {
			offsets[string(p.topic)] = make(map[int32]kgo.EpochOffset)
		}
		offsets[string(p.topic)][p.n] = kgo.EpochOffset{Epoch: -1, Offset: offset}
		metadata[p.partitionID] = text
	}
	// What was inserted is committed also when the turn's time is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		req.MemberID, req.Generation = member, generation
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				q := &req.Topics[i].Partitions[j]
				text := metadata[partitionID{schemas.Topic(req.Topics[i].Topic), q.Partition}]
				q.Metadata = &text
			}
		}
		return nil
	})
	var result error
	c.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			result = err
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					result = errors.Join(result, fmt.Errorf("%s/%d: %w", t.Topic, p.Partition, err))
				}
			}
		}
	})
	return result
}
