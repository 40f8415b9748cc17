package manage

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/manage/access"
	"weir/internal/control"
	"weir/schemas"
)

// groupOut is a group. Its money is numbers, as the contract has it.
type groupOut struct {
	ID                   string        `json:"id"`
	Name                 string        `json:"name"`
	MonthlyLimit         number        `json:"monthly_limit" doc:"The same as monthly_budget"`
	MonthlyBudget        number        `json:"monthly_budget" doc:"What all of it may spend by month; 0 is unlimited"`
	MonthlyBudgetPerUser number        `json:"monthly_budget_per_user" doc:"What each of its members may spend by month; 0 is unlimited"`
	MonthlySpend         *number       `json:"monthly_spend" nullable:"true" doc:"What it spent this month; null while that is not known"`
	MembersCount         int           `json:"members_count"`
	Members              []groupMember `json:"members" nullable:"false"`
	Limits               limitsOut     `json:"limits"`
	MemberLimits         limitsOut     `json:"member_limits" doc:"Of each of its members"`
	AccessListID         *string       `json:"access_list_id"`
	Strategy             *string       `json:"credential_strategy" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; null is that of the next larger scope"`
	Version              uint64        `json:"version"`
}

type groupMember struct {
	UserID string `json:"user_id" doc:"A member's id"`
	Email  string `json:"email"`
	Role   string `json:"role" enum:"admin,member"`
}

type groupsOut struct {
	Groups []groupOut `json:"groups" nullable:"false"`
}

func groupRoleName(r schemas.GroupRole) string {
	if r == schemas.GroupRole_GROUP_ROLE_ADMIN {
		return "admin"
	}
	return "member"
}

func (m *Management) groupOf(ctx context.Context, v control.Versioned[*schemas.Group], s *spender) groupOut {
	g := v.Value
	out := groupOut{
		ID: g.GroupId, Name: g.Name, MonthlyLimit: number(monthly(g.Limits)), MonthlyBudget: number(monthly(g.Limits)),
		MonthlyBudgetPerUser: number(monthly(g.MemberLimits)), MembersCount: len(g.Members), Members: []groupMember{},
		Limits: limitsOf(g.Limits), MemberLimits: limitsOf(g.MemberLimits), AccessListID: orNull(g.AccessListId), Strategy: strategyName(g.Strategy), Version: v.Version,
	}
	if spent := s.thisMonth(ctx, Group, g.GroupId); spent != nil {
		n := number(*spent)
		out.MonthlySpend = &n
	}
	for id, role := range g.Members {
		member, _ := control.Get[*schemas.Member](m.State, g.OrgId, id)
		out.Members = append(out.Members, groupMember{id, member.Value.GetEmail(), groupRoleName(role)})
	}
	slices.SortFunc(out.Members, func(a, b groupMember) int { return strings.Compare(a.UserID, b.UserID) })
	return out
}

func (m *Management) groupAnswer(ctx context.Context, c *call, v control.Versioned[*schemas.Group], err error) (*answer[groupOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[groupOut]{etag(v.Version), m.groupOf(ctx, v, m.spender(c))}, nil
}

const groupTag, groupName = "Groups", "group"

func (m *Management) registerGroups(api huma.API) {
	route(m, api, operation{"list-groups", http.MethodGet, "group", "The groups that one may see", groupTag, ""}, m.listGroups)
	route(m, api, operation{"create-group", http.MethodPost, "group", "A new group", groupTag, ""}, m.createGroup)
	route(m, api, operation{"get-group", http.MethodGet, "group/{id}", "One group", groupTag, ""}, m.getGroup)
	route(m, api, operation{"update-group", http.MethodPatch, "group/{id}", "Changes the fields that are given", groupTag, ""}, m.updateGroup)
	route(m, api, operation{"delete-group", http.MethodDelete, "group/{id}", "Ends it; its keys go on without a group", groupTag, ""}, m.deleteGroup)
	route(m, api, operation{"add-group-member", http.MethodPost, "group/{id}/member", "Takes a member in, or changes its role", groupTag, ""}, m.addGroupMember)
	route(m, api, operation{"remove-group-member", http.MethodDelete, "group/{id}/member", "Takes a member out", groupTag, ""}, m.removeGroupMember)
	route(m, api, operation{"set-group-member-role", http.MethodPut, "group/{id}/member/{user}/role", "What a member may do in the group", groupTag, ""}, m.setGroupMemberRole)
}

func (m *Management) seesGroup(c *call, g *schemas.Group) bool {
	return c.scope == access.All || c.scope == access.Own && c.who.In(g)
}

func (m *Management) listGroups(ctx context.Context, c *call, _ *Scoped) (*list[groupsOut], error) {
	out := groupsOut{Groups: []groupOut{}}
	spend := m.spender(c)
	for _, v := range control.List[*schemas.Group](m.State, c.org) {
		if m.seesGroup(c, v.Value) {
			out.Groups = append(out.Groups, m.groupOf(ctx, v, spend))
		}
	}
	return &list[groupsOut]{out}, nil
}

func (m *Management) getGroup(ctx context.Context, c *call, in *ByID) (*answer[groupOut], error) {
	v, err := find[*schemas.Group](m, c, in.ID, groupName)
	if err == nil && !m.seesGroup(c, v.Value) {
		err = notFound(groupName)
	}
	return m.groupAnswer(ctx, c, v, err)
}

// groupFields are what a request may say of a group; nil leaves what there is.
type groupFields struct {
	Name                 *string   `json:"name,omitempty" maxLength:"256"`
	MonthlyLimit         *asked    `json:"monthly_limit,omitempty" doc:"The same as monthly_budget"`
	MonthlyBudget        *asked    `json:"monthly_budget,omitempty" doc:"What all of it may spend by month; 0 is unlimited"`
	MonthlyBudgetPerUser *asked    `json:"monthly_budget_per_user,omitempty" doc:"What each of its members may spend by month; 0 is unlimited"`
	Limits               *limitsIn `json:"limits,omitempty" doc:"Replaces all limits of the whole group"`
	MemberLimits         *limitsIn `json:"member_limits,omitempty" doc:"Replaces all limits of each of its members"`
	AccessListID         *string   `json:"access_list_id,omitempty" doc:"\"\" for none"`
	Strategy             *string   `json:"credential_strategy,omitempty" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; \"\" is that of the next larger scope"`
}

type groupIn struct {
	Scoped
	Creating
	Body groupFields `nameHint:"GroupFields"`
}

type groupPatchIn struct {
	ByID
	Writing
	Body groupFields `nameHint:"GroupFields"`
}

func (m *Management) fillGroup(c *call, g *schemas.Group, f *groupFields) error {
	if f.Name != nil {
		g.Name = *f.Name
	}
	if e := checkText("name", g.Name, maxName); e != nil {
		return e
	}
	if e := setLimits(&g.Limits, f.Limits, "limits"); e != nil {
		return e
	}
	if e := setLimits(&g.MemberLimits, f.MemberLimits, "member_limits"); e != nil {
		return e
	}
	if f.MonthlyLimit != nil && f.MonthlyBudget != nil && *f.MonthlyLimit != *f.MonthlyBudget {
		return apierror.Invalid("monthly_limit", "monthly_limit and monthly_budget are two names of one budget and differ. Give one of them.")
	}
	if e := setMonthlyField(&g.Limits, f.MonthlyLimit, "monthly_limit"); e != nil {
		return e
	}
	if e := setMonthlyField(&g.Limits, f.MonthlyBudget, "monthly_budget"); e != nil {
		return e
	}
	if e := setMonthlyField(&g.MemberLimits, f.MonthlyBudgetPerUser, "monthly_budget_per_user"); e != nil {
		return e
	}
	if e := setStrategy(&g.Strategy, f.Strategy); e != nil {
		return e
	}
	return m.setAccessList(c, &g.AccessListId, f.AccessListID)
}

// setAccessList names another list; nil leaves what there is, "" takes it away.
func (m *Management) setAccessList(c *call, to, id *string) error {
	if id == nil || *id == *to {
		return nil
	}
	if *id != "" && !exists[*schemas.AccessList](m, c, *id) {
		return missing("access_list_id", listName)
	}
	*to = *id
	return nil
}

func (m *Management) createGroup(ctx context.Context, c *call, in *groupIn) (*answer[groupOut], error) {
	v, err := create(ctx, m, c, groupName, func(id string) (*schemas.Group, error) {
		g := &schemas.Group{GroupId: id, OrgId: c.org}
		return g, m.fillGroup(c, g, &in.Body)
	})
	return m.groupAnswer(ctx, c, v, err)
}

func (m *Management) updateGroup(ctx context.Context, c *call, in *groupPatchIn) (*answer[groupOut], error) {
	v, err := update(ctx, m, c, in.ID, groupName, func(g *schemas.Group) error { return m.fillGroup(c, g, &in.Body) })
	return m.groupAnswer(ctx, c, v, err)
}

type deletion struct {
	ByID
	Writing
}

func (m *Management) deleteGroup(ctx context.Context, c *call, in *deletion) (*list[gone], error) {
	v, err := find[*schemas.Group](m, c, in.ID, groupName)
	if err != nil {
		return nil, err
	}
	if err := c.expects(v.Version); err != nil {
		return nil, err
	}
	if err := m.dropCredentials(ctx, c, func(d *schemas.Credential) bool { return d.GroupId == in.ID }); err != nil {
		return nil, err
	}
	if err := remove[*schemas.Group](ctx, m, c, in.ID, groupName, nil); err != nil {
		return nil, err
	}
	return deleted(in.ID), nil
}

type joinIn struct {
	ByID
	Writing
	Body struct {
		UserID string `json:"user_id" doc:"A member's id"`
		Role   string `json:"role,omitempty" enum:"admin,member" doc:"Default member"`
	} `nameHint:"GroupMemberFields"`
}

type leaveIn struct {
	ByID
	Writing
	Body struct {
		UserID string `json:"user_id" doc:"A member's id"`
	} `nameHint:"GroupMemberName"`
}

type groupRoleIn struct {
	ByID
	Writing
	User string `path:"user" maxLength:"256" doc:"A member's id"`
	Body struct {
		Role string `json:"role" enum:"admin,member"`
	} `nameHint:"GroupRole"`
}

// editMembers changes who is in a group: who may is an admin of the organisation or
// of the group.
func (m *Management) editMembers(ctx context.Context, c *call, id string, edit func(*schemas.Group) error) (*answer[groupOut], error) {
	v, err := update(ctx, m, c, id, groupName, func(g *schemas.Group) error {
		switch {
		case !m.seesGroup(c, g):
			return notFound(groupName)
		case c.scope == access.Own && !c.who.Administers(g):
			return notPermitted("Only an admin of the group may change its members.")
		}
		if g.Members == nil {
			g.Members = map[string]schemas.GroupRole{}
		}
		return edit(g)
	})
	return m.groupAnswer(ctx, c, v, err)
}

func groupRoleOf(name string) schemas.GroupRole {
	if name == "admin" {
		return schemas.GroupRole_GROUP_ROLE_ADMIN
	}
	return schemas.GroupRole_GROUP_ROLE_MEMBER
}

func (m *Management) addGroupMember(ctx context.Context, c *call, in *joinIn) (*answer[groupOut], error) {
	return m.editMembers(ctx, c, in.ID, func(g *schemas.Group) error {
		if !exists[*schemas.Member](m, c, in.Body.UserID) {
			return missing("user_id", memberName)
		}
		g.Members[in.Body.UserID] = groupRoleOf(in.Body.Role)
		return nil
	})
}

func (m *Management) removeGroupMember(ctx context.Context, c *call, in *leaveIn) (*answer[groupOut], error) {
	return m.editMembers(ctx, c, in.ID, func(g *schemas.Group) error {
		if _, in := g.Members[in.Body.UserID]; !in {
			return apierror.New(apierror.NotFound, "There is no such member in this group.")
		}
		delete(g.Members, in.Body.UserID)
		return nil
	})
}

func (m *Management) setGroupMemberRole(ctx context.Context, c *call, in *groupRoleIn) (*answer[groupOut], error) {
	return m.editMembers(ctx, c, in.ID, func(g *schemas.Group) error {
		if _, in := g.Members[in.User]; !in {
			return apierror.New(apierror.NotFound, "There is no such member in this group.")
		}
		g.Members[in.User] = groupRoleOf(in.Body.Role)
		return nil
	})
}
