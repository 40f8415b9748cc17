package manage

import (
	"context"
	"net/http"
	"net/mail"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/manage/access"
	"weir/internal/control"
	"weir/schemas"
)

// memberOut is a person in the organisation.
type memberOut struct {
	ID      string    `json:"id"`
	Email   string    `json:"email"`
	Name    string    `json:"name"`
	Role    string    `json:"role" enum:"owner,admin,member,viewer,none"`
	Limits  limitsOut `json:"limits" doc:"Of all its keys together; without any the organisation's member_limits count"`
	Version uint64    `json:"version"`
}

type membersOut struct {
	Members []memberOut `json:"members" nullable:"false"`
}

// orgRoles have their names in the order of their numbers.
func orgRoles() []string { return []string{"none", "owner", "admin", "member", "viewer"} }

func orgRoleName(r schemas.OrgRole) string {
	if names := orgRoles(); int(r) < len(names) && r >= 0 {
		return names[r]
	}
	return "none"
}

func orgRoleOf(name string) schemas.OrgRole {
	for i, n := range orgRoles() {
		if n == name {
			return schemas.OrgRole(i)
		}
	}
	return schemas.OrgRole_ORG_ROLE_UNSPECIFIED
}

func memberOf(v control.Versioned[*schemas.Member]) memberOut {
	p := v.Value
	return memberOut{p.MemberId, p.Email, p.Name, orgRoleName(p.Role), limitsOf(p.Limits), v.Version}
}

func memberAnswer(v control.Versioned[*schemas.Member], err error) (*answer[memberOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[memberOut]{etag(v.Version), memberOf(v)}, nil
}

const memberTag, memberName = "Members", "member"

func (m *Management) registerMembers(api huma.API) {
	route(m, api, operation{"list-members", http.MethodGet, "org/member", "The people of the organisation", memberTag, ""}, m.listMembers)
	route(m, api, operation{"create-member", http.MethodPost, "org/member", "Takes somebody in", memberTag, ""}, m.createMember)
	route(m, api, operation{"get-member", http.MethodGet, "org/member/{id}", "One member", memberTag, ""}, m.getMember)
	route(m, api, operation{"update-member", http.MethodPatch, "org/member/{id}", "Changes the fields that are given", memberTag, ""}, m.updateMember)
	route(m, api, operation{"delete-member", http.MethodDelete, "org/member/{id}", "Ends somebody's membership, and all keys of theirs", memberTag, ""}, m.deleteMember)
}

func (m *Management) membersOf(org string) []memberOut {
	out := []memberOut{}
	for _, v := range control.List[*schemas.Member](m.State, org) {
		out = append(out, memberOf(v))
	}
	return out
}

func (m *Management) listMembers(_ context.Context, c *call, _ *Scoped) (*list[membersOut], error) {
	return &list[membersOut]{membersOut{m.membersOf(c.org)}}, nil
}

func (m *Management) getMember(_ context.Context, c *call, in *ByID) (*answer[memberOut], error) {
	return memberAnswer(find[*schemas.Member](m, c, in.ID, memberName))
}

// memberFields are what a request may say of a member; nil leaves what there is.
type memberFields struct {
	Email  *string   `json:"email,omitempty" maxLength:"256"`
	Name   *string   `json:"name,omitempty" maxLength:"256"`
	Role   *string   `json:"role,omitempty" enum:"owner,admin,member,viewer" doc:"Default member"`
	Limits *limitsIn `json:"limits,omitempty" doc:"Replaces all limits"`
}

type memberIn struct {
	Scoped
	Creating
	Body memberFields `nameHint:"MemberFields"`
}

type memberPatchIn struct {
	ByID
	Writing
	Body memberFields `nameHint:"MemberFields"`
}

func (m *Management) fillMember(c *call, p *schemas.Member, f *memberFields) error {
	if f.Email != nil && *f.Email != p.Email {
		if e := checkEmail(*f.Email); e != nil {
			return e
		}
		for _, other := range control.List[*schemas.Member](m.State, c.org) {
			if other.Value.MemberId != p.MemberId && strings.EqualFold(other.Value.Email, *f.Email) {
				e := apierror.New(apierror.Conflict, "Another member of this organisation has this email.")
				e.Param = "email"
				return e
			}
		}
		p.Email = *f.Email
	}
	if f.Name != nil && *f.Name != "" {
		if e := checkText("name", *f.Name, maxName); e != nil {
			return e
		}
	}
	if f.Name != nil {
		p.Name = *f.Name
	}
	if f.Role != nil {
		p.Role = orgRoleOf(*f.Role)
	}
	if !c.who.Commands(access.RoleOf(p)) {
		return notPermitted("Only an owner may make somebody an owner.")
	}
	if e := setLimits(&p.Limits, f.Limits, "limits"); e != nil {
		return e
	}
	return nil
}

func checkEmail(email string) *apierror.Error {
	if e := checkText("email", email, maxName); e != nil {
		return e
	}
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return apierror.Invalid("email", "email is not an address such as ada@example.com.")
	}
	return nil
}

func (m *Management) createMember(ctx context.Context, c *call, in *memberIn) (*answer[memberOut], error) {
	return memberAnswer(create(ctx, m, c, memberName, func(id string) (*schemas.Member, error) {
		if in.Body.Email == nil || *in.Body.Email == "" {
			return nil, checkEmail("")
		}
		p := &schemas.Member{MemberId: id, OrgId: c.org, Role: schemas.OrgRole_ORG_ROLE_MEMBER}
		return p, m.fillMember(c, p, &in.Body)
	}))
}

// mayChange refuses a change of somebody with more power, and of the last owner's.
func (m *Management) mayChange(c *call, p *schemas.Member, staysOwner bool) error {
	if !c.who.Commands(access.RoleOf(p)) {
		return notPermitted("Only an owner may change an owner.")
	}
	if staysOwner || p.Role != schemas.OrgRole_ORG_ROLE_OWNER || m.hasOwner(c.org, p.MemberId) {
		return nil
	}
	return lastOwner()
}

func lastOwner() *apierror.Error {
	return apierror.New(apierror.Conflict, "This is the organisation's last owner. Make somebody else an owner first.")
}

// hasOwner tells that the organisation has an owner other than a member.
func (m *Management) hasOwner(org, other string) bool {
	for _, v := range control.List[*schemas.Member](m.State, org) {
		if v.Value.MemberId != other && v.Value.Role == schemas.OrgRole_ORG_ROLE_OWNER {
			return true
		}
	}
	return false
}

func (m *Management) updateMember(ctx context.Context, c *call, in *memberPatchIn) (*answer[memberOut], error) {
	return memberAnswer(m.editMember(ctx, c, in.ID, func(p *schemas.Member) error {
		staysOwner := in.Body.Role == nil || orgRoleOf(*in.Body.Role) == schemas.OrgRole_ORG_ROLE_OWNER
		if err := m.mayChange(c, p, staysOwner); err != nil {
			return err
		}
		return m.fillMember(c, p, &in.Body)
	}))
}

// editMember is an update that leaves the organisation an owner. Two owners who demote
// each other change different entities, so the log refuses neither. But whoever's
// record comes back has read all that came before it: the later one of the two finds
// that nobody is left, and takes its change back.
func (m *Management) editMember(ctx context.Context, c *call, id string, edit func(*schemas.Member) error) (control.Versioned[*schemas.Member], error) {
	var demoted bool
	v, err := update(ctx, m, c, id, memberName, func(p *schemas.Member) error {
		before := p.Role
		err := edit(p)
		demoted = before == schemas.OrgRole_ORG_ROLE_OWNER && p.Role != before
		return err
	})
	if err != nil || !demoted || m.hasOwner(c.org, "") {
		return v, err
	}
	back := *c // If-Match and the Idempotency-Key are of the change alone
	back.matching, back.idempotencyKey = false, ""
	_, err = update(context.WithoutCancel(ctx), m, &back, id, memberName, func(p *schemas.Member) error {
		p.Role = schemas.OrgRole_ORG_ROLE_OWNER
		return nil
	})
	if err != nil {
		m.Logger.Error("an organisation has no owner: make somebody one with the operator's key", "org", c.org, "member", id, "request_id", c.requestID, "error", err)
		return v, err
	}
	return v, lastOwner()
}

// deleteMember ends the role of an owner first, which may turn out not to be possible,
// and then the keys: should it be interrupted, somebody who is to have no access has
// none, and a repeat goes on.
func (m *Management) deleteMember(ctx context.Context, c *call, in *deletion) (*list[gone], error) {
	v, err := find[*schemas.Member](m, c, in.ID, memberName)
	if err != nil {
		return nil, err
	}
	if err := m.mayChange(c, v.Value, false); err != nil {
		return nil, err
	}
	if err := c.expects(v.Version); err != nil {
		return nil, err
	}
	others := *c // If-Match is of the member alone
	others.matching = false
	last := c // who removes the member itself
	if v.Value.Role == schemas.OrgRole_ORG_ROLE_OWNER {
		_, err := m.editMember(ctx, c, in.ID, func(p *schemas.Member) error {
			if err := m.mayChange(c, p, false); err != nil {
				return err
			}
			p.Role = schemas.OrgRole_ORG_ROLE_UNSPECIFIED
			return nil
		})
		if err != nil {
			return nil, err
		}
		last = &others // the version is another one by now
	}
	for _, k := range control.List[*schemas.ApiKey](m.State, c.org) {
		if k.Value.MemberId != in.ID {
			continue
		}
		if err := m.dropCredentials(ctx, &others, func(d *schemas.Credential) bool { return d.KeyId == k.Value.KeyId }); err != nil {
			return nil, err
		}
		if err := remove[*schemas.ApiKey](ctx, m, &others, k.Value.KeyId, keyName, nil); err != nil && !isNotFound(err) {
			return nil, err
		}
	}
	for _, g := range control.List[*schemas.Group](m.State, c.org) {
		if _, in := g.Value.Members[in.ID]; !in {
			continue
		}
		_, err := update(ctx, m, &others, g.Value.GroupId, groupName, func(g *schemas.Group) error { delete(g.Members, in.ID); return nil })
		if err != nil && !isNotFound(err) {
			return nil, err
		}
	}
	if err := remove(ctx, m, last, in.ID, memberName, func(p *schemas.Member) error { return m.mayChange(c, p, false) }); err != nil {
		return nil, err
	}
	return deleted(in.ID), nil
}
