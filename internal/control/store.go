// Package control is the control state: what all services must agree on, folded
// from the topic weir.control into memory, and changed only by writing there.
//
// Guarantee: every reader of the log comes to the same state; a command is
// accepted when its entity stands at the version that it expects, and its writer
// learns the verdict when its own record comes back. Repeating a command gets
// the first verdict.
//
// Concurrency: a Store may be used from any goroutine; one goroutine folds.
// Failure: a Store without Kafka keeps answering from what it has folded, and
// reads on when Kafka is back; a record that this release cannot fold stops the
// reader, and Err says at which offset and why.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"weir/internal/eventlog"
	"weir/internal/service"
	"weir/schemas"
)

// DefaultPartitions of the event topics of a new cluster.
const DefaultPartitions = 6

// readPause is how long the reader waits before it tries a Kafka that failed again.
const readPause = 200 * time.Millisecond

// Store folds the control log.
type Store struct {
	log    *eventlog.Log
	logger *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex // owns the rest
	state   *State
	next    int64         // offset of the record expected next
	changed chan struct{} // closed and replaced with every record
	err     error         // not nil when the reader stopped
}

// Open creates the control topic where it is missing, reads it to its end and
// goes on reading. It waits for Kafka until ctx is done.
func Open(ctx context.Context, k eventlog.Config, logger *slog.Logger) (*Store, error) {
	log, err := eventlog.OpenLog(k, logger)
	if err != nil {
		return nil, err
	}
	end, err := reach(ctx, log, k, logger)
	if err != nil {
		log.Close()
		return nil, err
	}
	run, cancel := context.WithCancel(context.Background())
	s := &Store{log: log, logger: logger, cancel: cancel, done: make(chan struct{}), state: newState(), changed: make(chan struct{})}
	go s.read(run)
	if err := s.wait(ctx, func() bool { return s.next >= end }); err != nil {
		s.Close()
		return nil, fmt.Errorf("read control log: %w", err)
	}
	return s, nil
}

// reach waits for Kafka, makes sure of the control topic and returns its end.
func reach(ctx context.Context, log *eventlog.Log, k eventlog.Config, logger *slog.Logger) (int64, error) {
	if err := log.Reach(ctx); err != nil {
		return 0, err
	}
	if err := eventlog.EnsureControlTopic(ctx, k, logger); err != nil {
		return 0, err
	}
	_, end, err := log.Bounds(ctx, schemas.TopicControl, 0)
	return end, err
}

// Close stops reading.
func (s *Store) Close() {
	s.cancel()
	<-s.done
	s.log.Close()
}

// read follows the log until ctx is done or a record cannot be folded.
func (s *Store) read(ctx context.Context) {
	defer close(s.done)
	for ctx.Err() == nil {
		s.mu.Lock()
		from := s.next
		s.mu.Unlock()
		err := s.log.Tail(ctx, schemas.TopicControl, 0, from, s.fold)
		if ctx.Err() != nil {
			return
		}
		if s.Err() != nil {
			s.logger.Error("control log cannot be read on", "error", err)
			return
		}
		s.logger.Warn("read control log", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(readPause):
		}
	}
}

func (s *Store) fold(r *eventlog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := &schemas.ControlRecord{}
	err := rec.UnmarshalVT(r.Value)
	if err == nil {
		_, err = s.state.apply(rec)
	}
	if err != nil {
		s.err = fmt.Errorf("%s offset %d: %w", schemas.TopicControl, r.Offset, err)
		err = s.err
	} else {
		s.next = r.Offset + 1
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return err
}

// wait returns when ready, called under the lock, says so, the reader stopped,
// or ctx is done.
func (s *Store) wait(ctx context.Context, ready func() bool) error {
	for {
		s.mu.Lock()
		ok, err, changed := ready(), s.err, s.changed
		s.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// ErrConflict means that the entity no longer stood at the expected version.
var ErrConflict = errors.New("changed by somebody else in the meantime")

// Propose writes a command and returns when its verdict is known: nil when it
// was accepted, ErrConflict when it was not. The command id makes a repeat of
// the same command harmless.
func (s *Store) Propose(ctx context.Context, r *schemas.ControlRecord) error {
	if r.CommandId == "" {
		r.CommandId = ulid.Make().String()
	}
	r.FoldVersion, r.OccurredAt = FoldVersion, time.Now().UnixMicro()
	value, err := r.MarshalVT()
	if err != nil {
		return fmt.Errorf("encode control record: %w", err)
	}
	if _, err := s.log.Append(ctx, schemas.TopicControl, 0, []byte(r.EntityId), value); err != nil {
		return err
	}
	var v Verdict
	if err := s.wait(ctx, func() (ok bool) { v, ok = s.state.verdicts[r.CommandId]; return ok }); err != nil {
		return err
	}
	if !v.Accepted {
		return fmt.Errorf("%s at version %d: %w", r.EntityId, v.Version, ErrConflict)
	}
	return nil
}

// Partitions is the number of partitions that events are spread over. The first
// service of a new cluster sets it to DefaultPartitions.
func (s *Store) Partitions(ctx context.Context) (int32, error) {
	for {
		s.mu.Lock()
		cluster, version := s.state.cluster, s.state.versions[entityCluster]
		s.mu.Unlock()
		if cluster != nil {
			return cluster.PartitionCount, nil
		}
		err := s.Propose(ctx, &schemas.ControlRecord{
			EntityId: entityCluster, ExpectedVersion: version, Actor: "system",
			Change: &schemas.ControlRecord_ClusterSettings{ClusterSettings: &schemas.ClusterSettings{PartitionCount: DefaultPartitions}},
		})
		if err != nil && !errors.Is(err, ErrConflict) {
			return 0, err
		}
	}
}

// Retire ends a node at its last seq; a node that is ended already stays as it was.
func (s *Store) Retire(ctx context.Context, node string, lastSeq uint64) error {
	err := s.Propose(ctx, &schemas.ControlRecord{
		EntityId: entityNodePrefix + node, CommandId: "retire/" + node, Actor: "system",
		Change: &schemas.ControlRecord_NodeRetired{NodeRetired: &schemas.NodeRetired{Node: node, LastSeq: lastSeq}},
	})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// Retired tells whether a node was ended.
func (s *Store) Retired(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.state.retired[node]
	return ok
}

// Retirements returns the nodes that were ended.
func (s *Store) Retirements() map[string]Retirement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.state.retired)
}

// Err is why the reader stopped, nil while it reads.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Check is the readiness of the control state: down when the reader stopped.
func (s *Store) Check(context.Context) (service.State, map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return service.Down, map[string]any{"error": s.err.Error()}
	}
	return service.OK, map[string]any{"next_offset": s.next}
}

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
