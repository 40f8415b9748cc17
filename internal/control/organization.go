package control

import (
	"math/big"
	"slices"
	"strings"

	"weir/schemas"
)

// organization is what the state holds of one organisation. An organisation that
// was deleted may leave keys behind; they have no organisation then.
type organization struct {
	self        table[*schemas.Organization] // one at most
	projects    table[*schemas.Project]
	groups      table[*schemas.Group]
	members     table[*schemas.Member]
	keys        table[*schemas.ApiKey]
	accessLists table[*schemas.AccessList]
	credentials table[*schemas.Credential]
	users       table[*schemas.EndUser]
	credits     table[*schemas.Credit]

	// memberGroups are the groups that a member is in, in the order of their ids.
	memberGroups map[string][]*schemas.Group
	// owned are the credentials by what they are for.
	owned map[credentialScope][]*schemas.Credential
	// balance is the sum of the credits; one of them may fill 64 bits.
	balance big.Int
}

// rows is a table whatever its entities are.
type rows interface {
	get(id string) any // nil for none
	put(id string, entity any, version uint64)
	remove(id string)
}

// table returns the table of a kind, nil for what is not an organisation's.
func (o *organization) table(kind string) rows {
	switch kind {
	case kindOrg:
		return &o.self
	case kindProject:
		return &o.projects
	case kindGroup:
		return &o.groups
	case kindMember:
		return &o.members
	case kindKey:
		return &o.keys
	case kindAccessList:
		return &o.accessLists
	case kindCredential:
		return &o.credentials
	case kindUser:
		return &o.users
	case kindCredit:
		return &o.credits
	}
	return nil
}

func tableOf[E Entity](o *organization) table[E] {
	var none E
	return *o.table(nameOf(none).kind).(*table[E])
}

// table holds the entities of one kind by their ids.
type table[E Entity] map[string]Versioned[E]

func (t *table[E]) get(id string) any {
	if v, ok := (*t)[id]; ok {
		return v.Value
	}
	return nil
}

func (t *table[E]) put(id string, entity any, version uint64) {
	if *t == nil {
		*t = make(table[E])
	}
	(*t)[id] = Versioned[E]{entity.(E), version}
}

func (t *table[E]) remove(id string) { delete(*t, id) }

// join adds a group to those of its members.
func (o *organization) join(g *schemas.Group) {
	if o.memberGroups == nil && len(g.Members) > 0 {
		o.memberGroups = make(map[string][]*schemas.Group)
	}
	for member := range g.Members {
		// What was handed out stays as it was.
		groups := append(slices.Clone(o.memberGroups[member]), g)
		slices.SortFunc(groups, func(a, b *schemas.Group) int { return strings.Compare(a.GroupId, b.GroupId) })
		o.memberGroups[member] = groups
	}
}

// leave takes a group from those of its members.
func (o *organization) leave(g *schemas.Group) {
	for member := range g.Members {
		groups := slices.DeleteFunc(slices.Clone(o.memberGroups[member]), func(other *schemas.Group) bool { return other == g })
		if len(groups) == 0 {
			delete(o.memberGroups, member)
			continue
		}
		o.memberGroups[member] = groups
	}
}
