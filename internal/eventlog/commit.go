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

// commit commits what the partitions that have come to the step are to commit.
func (c *Consumer) commit(ctx context.Context, parts []*partition, at step) error {
	what, err := commitments(parts, at)
	if err != nil || len(what.offsets) == 0 {
		return err
	}
	offsets := make(map[string]map[int32]kgo.EpochOffset)
	for id, o := range what.offsets {
		if offsets[string(id.topic)] == nil {
			offsets[string(id.topic)] = make(map[int32]kgo.EpochOffset)
		}
		offsets[string(id.topic)][id.n] = kgo.EpochOffset{Epoch: -1, Offset: o.offset}
	}
	// What was inserted is committed also when the turn's time is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		req.MemberID, req.Generation = what.member, what.generation
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				q := &req.Topics[i].Partitions[j]
				text := what.offsets[partitionID{schemas.Topic(req.Topics[i].Topic), q.Partition}].metadata
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
