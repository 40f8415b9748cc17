// Package controltest is a control log in memory, for tests of what stands on the
// control state and not on Kafka.
//
// Guarantee: a record goes through its bytes and the fold, as with the real log.
// Concurrency: as a control.State. Failure: a record that cannot be folded is the
// error of its proposal and changes nothing.
package controltest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/internal/control"
	"weir/schemas"
)

// Log is a control log with one reader.
type Log struct {
	*control.State
	commands atomic.Int64

	mu      sync.Mutex // owns changes
	changes []control.Recorded
}

// New returns an empty log.
func New() *Log { return &Log{State: control.NewState()} }

// Propose appends a command, as a control.Store does.
func (l *Log) Propose(_ context.Context, r *schemas.ControlRecord) error {
	if r.CommandId == "" {
		r.CommandId = fmt.Sprintf("command/%d", l.commands.Add(1))
	}
	r.FoldVersion, r.OccurredAt = control.FoldVersion, time.Now().UnixMicro()
	value, err := proto.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode control record: %w", err)
	}
	read := &schemas.ControlRecord{}
	if err := read.UnmarshalVT(value); err != nil {
		return fmt.Errorf("decode control record: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v, err := l.Apply(read)
	if change, ok := control.RecordedOf(int64(len(l.changes)+1), read); ok && v.Accepted {
		l.changes = append(l.changes, change)
	}
	if err == nil && !v.Accepted {
		return fmt.Errorf("%s at version %d: %w", r.EntityId, v.Version, control.ErrConflict)
	}
	return err
}

// Audit reads the trail, as a control.Store does. A repeat of a command is in it
// twice.
func (l *Log) Audit(_ context.Context, org string, before int64, limit int) (changes []control.Recorded, next int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.changes) - 1; i >= 0; i-- {
		c := l.changes[i]
		switch {
		case c.Record.OrgId != org || before > 0 && c.Offset >= before:
		case len(changes) == limit:
			return changes, changes[limit-1].Offset, nil
		default:
			changes = append(changes, c)
		}
	}
	return changes, 0, nil
}
