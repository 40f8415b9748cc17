package manage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"weir/gateway/apierror"
	"weir/internal/control"
)

const (
	// attempts of a change that others overtake.
	attempts = 5
	// patience with the log. Less than bodyTimeout, which ends the call.
	patience = 5 * time.Second
)

// etag is a version as a header.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// find returns an entity of the call's organisation.
func find[E control.Entity](m *Management, c *call, id, what string) (control.Versioned[E], error) {
	v, ok := control.Get[E](m.State, c.org, id)
	if !ok {
		return v, notFound(what)
	}
	return v, nil
}

// exists tells whether the call's organisation has the entity.
func exists[E control.Entity](m *Management, c *call, id string) bool {
	_, ok := control.Get[E](m.State, c.org, id)
	return ok
}

func (m *Management) change(c *call, expected uint64, command string) control.Change {
	return control.Change{Expected: expected, Actor: c.who.Actor(), RequestID: c.requestID, CommandID: c.command(command)}
}

func (m *Management) changed(c *call, entity string) {
	m.Logger.Info("control state was changed", "operation", c.rule.Operation, "entity", entity, "org", c.org, "actor", c.who.Actor(), "request_id", c.requestID)
}

// put writes a new value of an entity that stands at a version.
func put[E control.Entity](ctx context.Context, m *Management, c *call, entity E, id string, expected uint64, attempt int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	name := fmt.Sprintf("%T %s", entity, id)
	if err := control.Put(ctx, m.Log, entity, m.change(c, expected, fmt.Sprintf("put %s %d", name, attempt))); err != nil {
		return m.unwritten(c, err)
	}
	m.changed(c, id)
	return nil
}

// newID is the id of what the call creates; the same in a repeat of the call.
func newID[E control.Entity](c *call, what string) string {
	seed := c.command("id of " + what)
	if seed == "" {
		return control.NewID[E]()
	}
	return control.DerivedID[E]([16]byte(sumOf(seed)))
}

func sumOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:16]
}

// create writes an entity that build makes of its id; a repeat of the call gets
// what the first one made. Build checks what is asked for.
func create[E control.Entity](ctx context.Context, m *Management, c *call, what string, build func(id string) (E, error)) (control.Versioned[E], error) {
	if err := c.fresh(); err != nil {
		return control.Versioned[E]{}, err
	}
	id := newID[E](c, what)
	if v, ok := control.Get[E](m.State, c.org, id); ok {
		return v, nil
	}
	entity, err := build(id)
	if err != nil {
		return control.Versioned[E]{}, err
	}
	if err := put(ctx, m, c, entity, id, 0, 0); err != nil && !(errors.Is(err, control.ErrConflict) && exists[E](m, c, id)) {
		return control.Versioned[E]{}, err
	}
	return find[E](m, c, id, what)
}

// update replaces an entity by what edit makes of a copy. Who does not name the
// version in If-Match has the edit made again on what somebody else made of the
// entity in the meantime: every edit says what it sets, not what it adds.
func update[E control.Entity](ctx context.Context, m *Management, c *call, id, what string, edit func(E) error) (control.Versioned[E], error) {
	for attempt := 0; ; attempt++ {
		v, err := find[E](m, c, id, what)
		if err != nil {
			return v, err
		}
		next := control.Clone(v.Value)
		if err := edit(next); err != nil {
			return v, err
		}
		if err := c.expects(v.Version); err != nil {
			return v, err
		}
		err = put(ctx, m, c, next, id, c.expected(v.Version), attempt)
		if errors.Is(err, control.ErrConflict) && !c.matching && attempt+1 < attempts {
			continue
		}
		if err != nil {
			return v, err
		}
		return find[E](m, c, id, what)
	}
}

// remove ends an entity. Check, if any, may refuse it.
func remove[E control.Entity](ctx context.Context, m *Management, c *call, id, what string, check func(E) error) error {
	for attempt := 0; ; attempt++ {
		v, err := find[E](m, c, id, what)
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(v.Value); err != nil {
				return err
			}
		}
		if err := c.expects(v.Version); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		err = control.Delete[E](limited, m.Log, c.org, id, m.change(c, c.expected(v.Version), fmt.Sprintf("delete %T %s %d", v.Value, id, attempt)))
		cancel()
		if errors.Is(err, control.ErrConflict) && !c.matching && attempt+1 < attempts {
			continue
		}
		if err != nil {
			return m.unwritten(c, err)
		}
		m.changed(c, id)
		return nil
	}
}

// fresh refuses a creation that expects a version: there is none yet.
func (c *call) fresh() error {
	if !c.matching {
		return nil
	}
	return apierror.Invalid("If-Match", "If-Match names a version, and what is created has none yet. Leave it out.")
}

// expects refuses a version that is not the one of If-Match, before anything is
// written. A repeat comes too late for that version: the log knows its verdict.
func (c *call) expects(version uint64) error {
	if !c.matching || c.ifMatch == version || c.idempotencyKey != "" {
		return nil
	}
	e := apierror.New(apierror.Conflict, fmt.Sprintf("If-Match names version %d and the entity stands at version %d. Read it again and repeat the call.", c.ifMatch, version))
	e.Param = "If-Match"
	return e
}

// expected is the version that a change of what stands at the given one is for.
func (c *call) expected(version uint64) uint64 {
	if c.matching {
		return c.ifMatch
	}
	return version
}
