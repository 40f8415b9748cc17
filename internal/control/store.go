package control

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/proto"

	"weir/internal/eventlog"
	"weir/internal/service"
	"weir/schemas"
)

// readPause is how long the reader waits before it tries a Kafka that failed again.
const readPause = 200 * time.Millisecond

// Store follows the control log and folds it into its State.
type Store struct {
	*State

	log    *eventlog.Log
	logger *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex         // owns the rest
	next    int64              // offset of the record expected next
	changed chan struct{}      // closed and replaced with every record
	err     error              // not nil when the reader stopped
	trail   map[string][]int64 // by organisation, the offsets of its changes
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
	s := &Store{State: NewState(), log: log, logger: logger, cancel: cancel, done: make(chan struct{}), changed: make(chan struct{}), trail: map[string][]int64{}}
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
	rec := &schemas.ControlRecord{}
	var before uint64
	var v Verdict
	err := rec.UnmarshalVT(r.Value)
	if err != nil {
		err = fmt.Errorf("decode control record: %w", err)
	} else {
		before = s.version(rec.EntityId)
		v, err = s.Apply(rec)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.err = fmt.Errorf("%s offset %d: %w", schemas.TopicControl, r.Offset, err)
		err = s.err
	} else {
		s.next = r.Offset + 1
		s.note(rec, r.Offset, before, v)
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

// Propose writes a command and returns when its verdict is known: nil when it
// was accepted, ErrConflict when it was not. The command id makes a repeat of
// the same command harmless: after any other error the command may have been
// written or not, and a repeat finds out.
func (s *Store) Propose(ctx context.Context, r *schemas.ControlRecord) error {
	if r.CommandId == "" {
		r.CommandId = ulid.Make().String()
	}
	r.FoldVersion, r.OccurredAt = FoldVersion, time.Now().UnixMicro()
	// What no reader could fold must never be written: all of them would stop.
	if _, _, err := changeOf(r); err != nil {
		return fmt.Errorf("propose %s: %w", r.EntityId, err)
	}
	if err := s.Err(); err != nil {
		return err
	}
	value, err := proto.Marshal(r) // which refuses text that is not UTF-8, as the events' faster codec does not
	if err != nil {
		return fmt.Errorf("encode control record: %w", err)
	}
	offset, err := s.log.Append(ctx, schemas.TopicControl, 0, []byte(r.EntityId), value)
	if err != nil {
		return err
	}
	var v Verdict
	var known bool
	err = s.wait(ctx, func() bool {
		v, known = s.verdict(r.CommandId)
		return known || s.next > offset
	})
	switch {
	case known && v.Accepted:
		return nil
	case known:
		return fmt.Errorf("%s at version %d: %w", r.EntityId, v.Version, ErrConflict)
	case err != nil:
		return err
	}
	return fmt.Errorf("propose %s: its verdict is forgotten after %d later commands; read what became of it", r.EntityId, verdictsKept)
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
