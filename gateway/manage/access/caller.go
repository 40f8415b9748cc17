package access

import (
	"weir/internal/control"
	"weir/schemas"
)

// Role is what somebody is in an organisation, by its power.
type Role byte

// The roles. A key without a member is the organisation's own, and as an admin.
const (
	Nobody Role = iota
	Viewer
	Member
	Admin
	Owner
	Operator
)

// RoleOf returns a member's role; Nobody of one that is nil.
func RoleOf(m *schemas.Member) Role {
	switch m.GetRole() {
	case schemas.OrgRole_ORG_ROLE_OWNER:
		return Owner
	case schemas.OrgRole_ORG_ROLE_ADMIN:
		return Admin
	case schemas.OrgRole_ORG_ROLE_MEMBER:
		return Member
	case schemas.OrgRole_ORG_ROLE_VIEWER:
		return Viewer
	}
	return Nobody
}

// Caller is who calls. The zero value may do nothing.
type Caller struct {
	Role   Role
	Key    *schemas.ApiKey // nil of the operator
	Member *schemas.Member // nil of the operator and of a key without one
	groups []*schemas.Group
}

// TheOperator is who runs Weir.
func TheOperator() Caller { return Caller{Role: Operator} }

// CallerOf returns whose power a live key has.
func CallerOf(c control.Caller) Caller {
	who := Caller{Role: RoleOf(c.Member), Key: c.Key, Member: c.Member, groups: c.MemberGroups}
	if c.Key.MemberId == "" {
		who.Role = Admin
	}
	return who
}

// Actor is how the caller stands in the audit trail.
func (c *Caller) Actor() string {
	if c.Key == nil {
		return control.ActorOperator
	}
	return c.Key.KeyId
}

// MemberID is the member who calls, "" for none.
func (c *Caller) MemberID() string { return c.Member.GetMemberId() }

// Scope is how far the operation of the rule reaches for the caller.
func (c *Caller) Scope(r Rule) Scope {
	if c.Role == Operator {
		return All
	}
	switch c.Key.GetManage() {
	case schemas.Permission_PERMISSION_WRITE:
	case schemas.Permission_PERMISSION_READ:
		if r.Write {
			return Nothing
		}
	default:
		return Nothing
	}
	switch c.Role {
	case Owner:
		return r.Owner
	case Admin:
		return r.Admin
	case Member:
		return r.Member
	case Viewer:
		return r.Viewer
	}
	return Nothing
}

// OwnsKey tells that a key is in the caller's Own: the member's, or of a group
// that the member administers.
func (c *Caller) OwnsKey(k *schemas.ApiKey) bool {
	member := c.MemberID()
	if member != "" && k.MemberId == member {
		return true
	}
	for _, g := range c.groups {
		if g.GroupId == k.GroupId && c.Administers(g) {
			return true
		}
	}
	return false
}

// In tells that the caller is in the group.
func (c *Caller) In(g *schemas.Group) bool {
	_, in := g.Members[c.MemberID()]
	return in
}

// Administers tells that the caller is an admin of the group.
func (c *Caller) Administers(g *schemas.Group) bool {
	return g.Members[c.MemberID()] == schemas.GroupRole_GROUP_ROLE_ADMIN
}

// Commands tells that the caller may change what has the power of the role. A key
// in the hands of somebody below its member would be that member's power.
func (c *Caller) Commands(r Role) bool { return c.Role >= r }

// PowerOf is the power that a key gives to whoever holds it, its member, if any,
// given.
func PowerOf(k *schemas.ApiKey, m *schemas.Member) Role {
	if k.MemberId != "" {
		return RoleOf(m)
	}
	if k.Manage == schemas.Permission_PERMISSION_READ || k.Manage == schemas.Permission_PERMISSION_WRITE {
		return Admin
	}
	return Nobody
}
