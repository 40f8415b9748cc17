package control

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"math"
	"slices"
	"time"

	"weir/schemas"
)

// Caller is whose a secret is. What a reference leads to is nil when the key names
// none, and when it was deleted.
type Caller struct {
	Key     *schemas.ApiKey
	Secret  *schemas.Secret // the one of Key's that was given
	Org     *schemas.Organization
	Project *schemas.Project
	Group   *schemas.Group
	Member  *schemas.Member
	// MemberGroups are the groups that the key's member is in, in the order of
	// their ids.
	MemberGroups []*schemas.Group
}

// Live tells whether the key may be used at the given moment.
func (c *Caller) Live(now time.Time) bool {
	return !c.Key.Disabled && !past(c.Key.ExpiresAt, now) && !past(c.Secret.ExpiresAt, now)
}

func past(expiresAt int64, now time.Time) bool { return expiresAt != 0 && now.UnixMicro() >= expiresAt }

// Caller returns whose secret has the given hash, as a Hasher makes it; false when it is nobody's.
func (s *State) Caller(hash [sha256.Size]byte) (Caller, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.secrets[hash]
	if !ok {
		return Caller{}, false
	}
	return Caller{
		Key: b.key, Secret: b.secret,
		Org: b.org.self[b.key.OrgId].Value, Project: b.org.projects[b.key.Project].Value,
		Group: b.org.groups[b.key.GroupId].Value, Member: b.org.members[b.key.MemberId].Value,
		MemberGroups: b.org.memberGroups[b.key.MemberId],
	}, true
}

// Get returns an entity of an organisation; the id of an organisation is its own.
func Get[E Entity](s *State, org, id string) (Versioned[E], bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.orgs[org]
	if o == nil {
		return Versioned[E]{}, false
	}
	v, ok := tableOf[E](o)[id]
	return v, ok
}

// List returns all entities of a kind that an organisation has, in the order of
// their ids, which is that of their creation where Weir gave them.
func List[E Entity](s *State, org string) []Versioned[E] {
	var list []Versioned[E]
	s.mu.RLock()
	if o := s.orgs[org]; o != nil {
		list = slices.Collect(maps.Values(tableOf[E](o)))
	}
	s.mu.RUnlock()
	sortByID(list)
	return list
}

// Organizations returns all organisations, in the order of their ids.
func (s *State) Organizations() []Versioned[*schemas.Organization] {
	var list []Versioned[*schemas.Organization]
	s.mu.RLock()
	for _, o := range s.orgs {
		list = slices.AppendSeq(list, maps.Values(o.self))
	}
	s.mu.RUnlock()
	sortByID(list)
	return list
}

func sortByID[E Entity](list []Versioned[E]) {
	slices.SortFunc(list, func(a, b Versioned[E]) int { return cmp.Compare(nameOf(a.Value).id, nameOf(b.Value).id) })
}

// VersionOf is the version at which an entity stands, also after it was deleted; 0
// for one that never was.
func VersionOf[E Entity](s *State, org, id string) uint64 {
	var none E
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.versions[name{nameOf(none).kind, org, id}.String()]
}

// Credited is the sum of an organisation's credits: its balance before what it
// spent. What does not fit in a Pico is the nearest that does.
func (s *State) Credited(org string) schemas.Pico {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.orgs[org]
	switch {
	case o == nil:
		return 0
	case o.balance.IsInt64():
		return schemas.Pico(o.balance.Int64())
	case o.balance.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// Founded tells that the organisations do not come from weir.yaml any more.
func (s *State) Founded() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.founded
}

// Retired tells whether a node was ended.
func (s *State) Retired(node string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.retired[node]
	return ok
}

// Retirements returns the nodes that were ended.
func (s *State) Retirements() map[string]Retirement {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.retired)
}

// settings returns those of the cluster, nil before there are any, and their version.
func (s *State) settings() (*schemas.ClusterSettings, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cluster, s.versions[kindCluster]
}

// verdict returns what became of a command, while it is remembered.
func (s *State) verdict(command string) (Verdict, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.verdicts[command]
	return v, ok
}
