// Package livetest does to Redis what an aggregator does, for tests of what reads
// live state.
//
// Guarantee: what it writes, it writes through package live. Concurrency: one
// caller at a time. Failure: the first error is returned.
package livetest

import (
	"context"
	"fmt"
	"time"

	"weir/internal/live"
	"weir/schemas"
)

// Complete makes Redis whole, as an aggregator that has restored an empty log: the
// store's generation serves, and every partition has a position. The term is an old
// one, so that gateways need not wait for each other.
func Complete(ctx context.Context, s *live.Store, partitions int) error {
	for partition := range int32(partitions) {
		epoch, err := s.Begin(ctx, partition)
		if err != nil {
			return err
		}
		ok, err := s.Restore(ctx, partition, live.Position{Epoch: epoch}, new(live.Deltas))
		if err != nil || !ok {
			return fmt.Errorf("restore partition %d: %t, %w", partition, ok, err)
		}
	}
	if err := s.Age(ctx); err != nil {
		return err
	}
	return s.Serve(ctx)
}

// Apply applies one usage event, as the next one of its partition.
func Apply(ctx context.Context, s *live.Store, u *schemas.UsageRecorded, partition int32) error {
	positions, err := s.Positions(ctx)
	if err != nil {
		return err
	}
	at, d, sums := positions[partition], u.GetDimensions(), new(live.Deltas)
	received := time.UnixMicro(u.ReceivedAt)
	for _, of := range []struct {
		dimension live.Dimension
		id        string
	}{{live.Org, ""}, {live.Key, d.GetKeyId()}, {live.User, d.GetUserId()}, {live.Member, d.GetMemberId()},
		{live.Group, d.GetGroupId()}, {live.Project, d.GetProject()}} {
		sums.AddSpend(received, d.GetOrgId(), of.dimension, of.id, u.CostPico)
	}
	if !u.Byok {
		sums.AddSpend(received, d.GetOrgId(), live.Balance, "", u.CostPico)
	}
	sums.AddUsage(u, false)
	_, ok, err := s.Apply(ctx, live.Range{Partition: partition, Epoch: at.Epoch, From: at.Next, Next: at.Next + 1}, sums)
	if err != nil || !ok {
		return fmt.Errorf("apply to partition %d: %t, %w", partition, ok, err)
	}
	return nil
}
