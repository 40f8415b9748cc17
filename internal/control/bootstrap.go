package control

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"weir/schemas"
)

// Bootstrap fills a log without organisations with the given entities and returns
// when they are folded; once that was done, or somebody created an organisation,
// it does nothing. Gateways that do it at the same time write the same commands,
// of which the first of each counts; one that died in the middle of it begins
// again, and overwrites nothing.
func Bootstrap(ctx context.Context, s *State, p Proposer, entities []proto.Message) error {
	if len(entities) == 0 || s.Founded() {
		return nil
	}
	for _, e := range entities {
		r := recordOf(e)
		err := propose(ctx, p, r, Change{Actor: ActorBootstrap, CommandID: "bootstrap/" + r.EntityId})
		if err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	for !s.Founded() {
		settings, version := s.settings()
		next := &schemas.ClusterSettings{PartitionCount: DefaultPartitions}
		if settings != nil {
			next = proto.CloneOf(settings)
		}
		next.Bootstrapped = true
		// Without a command id: what counts is that the settings are as expected.
		err := propose(ctx, p, recordOf(next), Change{Expected: version, Actor: ActorBootstrap})
		if err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}
