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
	v, err := l.Apply(read)
	if err == nil && !v.Accepted {
		return fmt.Errorf("%s at version %d: %w", r.EntityId, v.Version, control.ErrConflict)
	}
	return err
}
