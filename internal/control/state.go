package control

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"weir/schemas"
)

// FoldVersion is the newest version of the fold that this release knows, and the
// one that it writes. Version 1 knew of the cluster and its nodes only, and kept
// every verdict.
const FoldVersion = 2

// verdictsKept is how many commands, from the newest of the log on, have their
// verdict remembered. All readers count alike, so all forget alike.
const verdictsKept = 65_536

// Verdict is what became of a command.
type Verdict struct {
	Accepted bool
	// Version is the entity's version after the command.
	Version uint64
	// Repeated tells that the record is not the command's first: it changed
	// nothing, and the rest is what the first one got.
	Repeated bool
}

// Retirement is the end of a node: nothing above LastSeq comes from it.
type Retirement struct {
	LastSeq uint64
	At      time.Time
}

// State is the control state at an offset of the log: what its records, in their
// order, add up to. It changes by Apply alone.
type State struct {
	mu       sync.RWMutex       // owns the rest
	versions map[string]uint64  // by entity_id; they go on after a deletion
	verdicts map[string]Verdict // by command id
	recent   []string           // the commands in verdicts, a ring once it is full
	oldest   int                // of the ring
	cluster  *schemas.ClusterSettings
	retired  map[string]Retirement // by node
	orgs     map[string]*organization
	secrets  map[[sha256.Size]byte]bearer
	founded  bool // somebody created an organisation, or weir.yaml was taken over
}

// bearer is what a secret's hash stands for.
type bearer struct {
	org    *organization
	key    *schemas.ApiKey
	secret *schemas.Secret
}

// NewState is the state at the beginning of the log.
func NewState() *State {
	return &State{
		versions: map[string]uint64{}, verdicts: map[string]Verdict{}, retired: map[string]Retirement{},
		orgs: map[string]*organization{}, secrets: map[[sha256.Size]byte]bearer{},
	}
}

// Apply folds one record. Whether it is accepted depends on its entity and the
// version that it expects alone, so that every reader of every release agrees;
// the first verdict of a command stands for its repeats. An error means that
// this release cannot fold the record and must not go on; nothing has changed
// then. The record belongs to the state afterwards.
func (s *State) Apply(r *schemas.ControlRecord) (Verdict, error) {
	switch {
	case r.FoldVersion == 0:
		return Verdict{}, errors.New("record has no fold version")
	case r.FoldVersion > FoldVersion:
		return Verdict{}, fmt.Errorf("record needs fold version %d and this release knows %d: upgrade", r.FoldVersion, FoldVersion)
	}
	entity, n, err := changeOf(r)
	if err != nil {
		return Verdict{}, fmt.Errorf("record cannot be folded: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.verdicts[r.CommandId]; ok {
		v.Repeated = true
		return v, nil
	}
	v := Verdict{Version: s.versions[r.EntityId]}
	if v.Version == r.ExpectedVersion {
		v = Verdict{Accepted: true, Version: r.ExpectedVersion + 1}
		s.versions[r.EntityId] = v.Version
		s.change(r, entity, n)
	}
	s.remember(r.CommandId, v)
	return v, nil
}

func (s *State) remember(command string, v Verdict) {
	s.verdicts[command] = v
	if len(s.recent) < verdictsKept {
		s.recent = append(s.recent, command)
		return
	}
	delete(s.verdicts, s.recent[s.oldest])
	s.recent[s.oldest] = command
	s.oldest = (s.oldest + 1) % verdictsKept
}

// change makes the change of a record that is accepted.
func (s *State) change(r *schemas.ControlRecord, entity any, n name) {
	switch e := entity.(type) {
	case *schemas.ClusterSettings:
		s.cluster = e
		s.founded = s.founded || e.Bootstrapped
		return
	case *schemas.NodeRetired:
		s.retired[e.Node] = Retirement{LastSeq: e.LastSeq, At: time.UnixMicro(r.OccurredAt)}
		return
	case *schemas.Organization:
		s.founded = s.founded || r.Actor != ActorBootstrap
	}
	o := s.orgs[n.org]
	if o == nil {
		o = &organization{}
		s.orgs[n.org] = o
	}
	t := o.table(n.kind)
	s.unlink(o, t.get(n.id))
	if entity == nil {
		t.remove(n.id)
		return
	}
	t.put(n.id, entity, r.ExpectedVersion+1)
	s.link(o, entity)
}

// link enters an entity in what is found by other ways than its id.
func (s *State) link(o *organization, entity any) {
	switch e := entity.(type) {
	case *schemas.ApiKey:
		for _, secret := range e.Secrets {
			if len(secret.Hash) == sha256.Size {
				s.secrets[[sha256.Size]byte(secret.Hash)] = bearer{o, e, secret}
			}
		}
	case *schemas.Group:
		o.join(e)
	case *schemas.Credential:
		o.own(e)
	case *schemas.Credit:
		o.balance.Add(&o.balance, big.NewInt(e.AmountPico))
	}
}

// unlink undoes link, nil included.
func (s *State) unlink(o *organization, entity any) {
	switch e := entity.(type) {
	case *schemas.ApiKey:
		for _, secret := range e.Secrets {
			if len(secret.Hash) != sha256.Size {
				continue
			}
			// Another key may have taken the hash over.
			if hash := [sha256.Size]byte(secret.Hash); s.secrets[hash].key == e {
				delete(s.secrets, hash)
			}
		}
	case *schemas.Group:
		o.leave(e)
	case *schemas.Credential:
		o.disown(e)
	case *schemas.Credit:
		o.balance.Sub(&o.balance, big.NewInt(e.AmountPico))
	}
}
