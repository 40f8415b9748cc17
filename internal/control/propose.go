package control

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/schemas"
)

// Who asks for a change when it is not a key.
const (
	ActorSystem    = "system"    // the services themselves
	ActorOperator  = "operator"  // who runs Weir
	ActorBootstrap = "bootstrap" // what weir.yaml names, at the first start
)

// ErrConflict means that the entity no longer stood at the expected version.
var ErrConflict = errors.New("changed by somebody else in the meantime")

// MaxRecord is the most bytes that an entity and its change may have: less than Kafka
// takes as one record.
const MaxRecord = 900_000

// ErrTooLarge means that an entity would have more than MaxRecord bytes. Nothing was
// written.
var ErrTooLarge = errors.New("too large for the control log")

// Proposer writes a command to the log and returns its verdict; a Store does.
type Proposer interface {
	Propose(ctx context.Context, r *schemas.ControlRecord) error
}

// Change says who changes an entity and what they know of it.
type Change struct {
	// Expected is the version at which the entity stands, see VersionOf: 0 for one
	// that never was. It stands at the next one when the change was accepted.
	Expected  uint64
	Actor     string // a key's id, or one of the constants
	RequestID string // the call of the management API, "" for none
	// CommandID makes a repeat of the change harmless; "" takes a new one.
	CommandID string
}

// Put creates an entity or replaces it. It returns when the verdict is known: nil
// when the change was accepted, ErrConflict when it was not, ErrTooLarge when it cannot be.
func Put[E Entity](ctx context.Context, p Proposer, entity E, c Change) error {
	return propose(ctx, p, recordOf(entity), c)
}

// Delete ends an entity, and returns as Put does.
func Delete[E Entity](ctx context.Context, p Proposer, org, id string, c Change) error {
	var none E
	return propose(ctx, p, &schemas.ControlRecord{
		EntityId: name{nameOf(none).kind, org, id}.String(), OrgId: org,
		Change: &schemas.ControlRecord_Deleted{Deleted: &schemas.Deleted{}},
	}, c)
}

func propose(ctx context.Context, p Proposer, r *schemas.ControlRecord, c Change) error {
	r.ExpectedVersion, r.Actor, r.RequestId, r.CommandId = c.Expected, c.Actor, c.RequestID, c.CommandID
	if size := proto.Size(r); size > MaxRecord {
		return fmt.Errorf("propose %s of %d bytes: %w", r.EntityId, size, ErrTooLarge)
	}
	return p.Propose(ctx, r)
}
