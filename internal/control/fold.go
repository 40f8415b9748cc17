package control

import (
	"fmt"
	"time"

	"weir/schemas"
)

// FoldVersion is the newest version of the fold that this release knows.
const FoldVersion = 1

const (
	entityCluster    = "cluster"
	entityNodePrefix = "node/"
)

// Verdict is what became of a command.
type Verdict struct {
	Accepted bool
	// Version is the entity's version after the command.
	Version uint64
}

// Retirement is the end of a node: nothing above LastSeq comes from it.
type Retirement struct {
	LastSeq uint64
	At      time.Time
}

// State is the control state at an offset of the log. It is owned by its Store
// and changes only by apply.
type State struct {
	versions map[string]uint64  // by entity
	verdicts map[string]Verdict // by command id
	cluster  *schemas.ClusterSettings
	retired  map[string]Retirement // by node
}

func newState() *State {
	return &State{versions: map[string]uint64{}, verdicts: map[string]Verdict{}, retired: map[string]Retirement{}}
}

// apply folds one record. Whether it is accepted depends on its entity and the
// version that it expects alone, so that every reader of every release agrees;
// the first verdict of a command stands for its repeats. An error means that
// this release cannot fold the record and must not go on.
func (s *State) apply(r *schemas.ControlRecord) (Verdict, error) {
	if r.FoldVersion > FoldVersion {
		return Verdict{}, fmt.Errorf("record needs fold version %d and this release knows %d: upgrade", r.FoldVersion, FoldVersion)
	}
	if v, ok := s.verdicts[r.CommandId]; ok {
		return v, nil
	}
	v := Verdict{Version: s.versions[r.EntityId]}
	if v.Version == r.ExpectedVersion {
		v = Verdict{Accepted: true, Version: r.ExpectedVersion + 1}
		s.versions[r.EntityId] = v.Version
		s.change(r)
	}
	s.verdicts[r.CommandId] = v
	return v, nil
}

func (s *State) change(r *schemas.ControlRecord) {
	switch c := r.Change.(type) {
	case *schemas.ControlRecord_ClusterSettings:
		s.cluster = c.ClusterSettings
	case *schemas.ControlRecord_NodeRetired:
		s.retired[c.NodeRetired.Node] = Retirement{LastSeq: c.NodeRetired.LastSeq, At: time.UnixMicro(r.OccurredAt)}
	}
}
