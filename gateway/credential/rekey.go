package credential

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/control"
	"weir/schemas"
)

// Rekeyed is what a Rekey did.
type Rekeyed struct {
	Credentials int // that there are
	Rekeyed     int // the others were under the newest key already
}

// rekeyTries bounds how often one credential that others change is begun again.
const rekeyTries = 10

// Rekey encrypts every credential under the ring's newest key that is not under it
// yet, while gateways serve and people change things: each is written for the
// version that was read, and begun again when somebody else was faster. It may be
// cut off and run again. Errors: ErrNoKey; the credentials that no key of the ring
// opens, after all others were done; what the log says.
func Rekey(ctx context.Context, state *control.State, log control.Proposer, ring *Keyring) (done Rekeyed, err error) {
	if ring.Newest() == "" {
		return done, ErrNoKey
	}
	var locked []error
	for _, org := range state.Organizations() {
		for _, c := range control.List[*schemas.Credential](state, org.Value.OrgId) {
			done.Credentials++
			rekeyed, err := rekey(ctx, state, log, ring, c)
			var unreadable unreadableError
			switch {
			case errors.As(err, &unreadable):
				locked = append(locked, err)
			case err != nil:
				return done, err
			case rekeyed:
				done.Rekeyed++
			}
		}
	}
	return done, errors.Join(locked...)
}

// unreadableError is a credential that cannot be decrypted.
type unreadableError struct {
	org, id string
	why     error
}

func (e unreadableError) Error() string {
	return fmt.Sprintf("credential %s of organisation %s cannot be decrypted: %s", e.id, e.org, e.why)
}

func (e unreadableError) Unwrap() error { return e.why }

func rekey(ctx context.Context, state *control.State, log control.Proposer, ring *Keyring, c control.Versioned[*schemas.Credential]) (bool, error) {
	org, id := c.Value.OrgId, c.Value.CredentialId
	for try := 1; ; try++ {
		if KeyID(c.Value) == ring.Newest() {
			return false, nil
		}
		key, err := ring.Open(c.Value)
		if err != nil {
			return false, unreadableError{org, id, err}
		}
		next := control.Clone(c.Value)
		if err := ring.Seal(next, key); err != nil {
			return false, err
		}
		err = control.Put(ctx, log, next, control.Change{Expected: c.Version, Actor: control.ActorOperator})
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, control.ErrConflict) || try == rekeyTries {
			return false, fmt.Errorf("write credential %s of organisation %s: %w", id, org, err)
		}
		var there bool
		if c, there = control.Get[*schemas.Credential](state, org, id); !there {
			return false, nil // deleted in the meantime
		}
	}
}
