package control

import (
	"context"
	"errors"
	"log/slog"

	"weir/internal/eventlog"
	"weir/schemas"
)

// DefaultPartitions of the event topics of a new cluster.
const DefaultPartitions = 6

// Prepare opens the control state and makes sure that all topics are as they
// must be: what every service does before it touches the log.
func Prepare(ctx context.Context, k eventlog.Config, logger *slog.Logger) (*Store, int32, error) {
	s, err := Open(ctx, k, logger)
	if err != nil {
		return nil, 0, err
	}
	n, err := s.Partitions(ctx)
	if err == nil {
		err = eventlog.EnsureTopics(ctx, k, n, logger)
	}
	if err != nil {
		s.Close()
		return nil, 0, err
	}
	return s, n, nil
}

// PrepareLog makes the log ready for a service that has no use for the control
// state beyond that.
func PrepareLog(ctx context.Context, k eventlog.Config, logger *slog.Logger) error {
	s, _, err := Prepare(ctx, k, logger)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// Partitions is the number of partitions that events are spread over. The first
// service of a new cluster sets it to DefaultPartitions.
func (s *Store) Partitions(ctx context.Context) (int32, error) {
	for {
		cluster, version := s.settings()
		if cluster != nil {
			return cluster.PartitionCount, nil
		}
		r := recordOf(&schemas.ClusterSettings{PartitionCount: DefaultPartitions})
		err := propose(ctx, s, r, Change{Expected: version, Actor: ActorSystem})
		if err != nil && !errors.Is(err, ErrConflict) {
			return 0, err
		}
	}
}

// Retire ends a node at its last seq; a node that is ended already stays as it was.
func (s *Store) Retire(ctx context.Context, node string, lastSeq uint64) error {
	r := recordOf(&schemas.NodeRetired{Node: node, LastSeq: lastSeq})
	err := propose(ctx, s, r, Change{Actor: ActorSystem, CommandID: "retire/" + node})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}
