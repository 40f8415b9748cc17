package manage

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"weir/internal/control"
	"weir/schemas"
)

// userOut is what is set for one of the clients' end users.
type userOut struct {
	UserID       string    `json:"user_id" doc:"As the client names it"`
	Limits       limitsOut `json:"limits" doc:"Without any the organisation's user_limits count"`
	Disabled     bool      `json:"disabled"`
	MonthlySpend *amount   `json:"monthly_spend" nullable:"true" doc:"What it spent this month; null while that is not known"`
	Version      uint64    `json:"version"`
}

type usersOut struct {
	Users []userOut `json:"users" nullable:"false"`
}

func userOf(ctx context.Context, v control.Versioned[*schemas.EndUser], s *spender) userOut {
	u := v.Value
	return userOut{u.UserId, limitsOf(u.Limits), u.Disabled, s.thisMonth(ctx, User, u.UserId), v.Version}
}

func (m *Management) userAnswer(ctx context.Context, c *call, v control.Versioned[*schemas.EndUser], err error) (*answer[userOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[userOut]{etag(v.Version), userOf(ctx, v, m.spender(c))}, nil
}

const userTag, userName = "End users", "end user"

func (m *Management) registerUsers(api huma.API) {
	route(m, api, operation{"list-users", http.MethodGet, "user", "The end users for whom something is set", userTag, ""}, m.listUsers)
	route(m, api, operation{"get-user", http.MethodGet, "user/{user_id}", "What is set for one end user", userTag, ""}, m.getUser)
	route(m, api, operation{"set-user", http.MethodPut, "user/{user_id}", "Sets all of it", userTag, ""}, m.setUser)
	route(m, api, operation{"delete-user", http.MethodDelete, "user/{user_id}", "Takes it away: the organisation's user_limits count again", userTag, ""}, m.deleteUser)
}

// Named is an end user by its name.
type Named struct {
	Scoped
	UserID string `path:"user_id" maxLength:"256" doc:"As the client names it, percent-encoded"`
}

func (m *Management) listUsers(ctx context.Context, c *call, _ *Scoped) (*list[usersOut], error) {
	out := usersOut{Users: []userOut{}}
	spend := m.spender(c)
	for _, v := range control.List[*schemas.EndUser](m.State, c.org) {
		out.Users = append(out.Users, userOf(ctx, v, spend))
	}
	return &list[usersOut]{out}, nil
}

func (m *Management) getUser(ctx context.Context, c *call, in *Named) (*answer[userOut], error) {
	v, err := find[*schemas.EndUser](m, c, in.UserID, userName)
	return m.userAnswer(ctx, c, v, err)
}

type userIn struct {
	Named
	Writing
	Body struct {
		Limits   *limitsIn `json:"limits,omitempty"`
		Disabled bool      `json:"disabled,omitempty" doc:"Refuse its calls"`
	} `nameHint:"UserFields"`
}

// setUser creates or replaces: an end user needs no creation to make calls.
func (m *Management) setUser(ctx context.Context, c *call, in *userIn) (*answer[userOut], error) {
	if e := checkText("user_id", in.UserID, maxName); e != nil {
		return nil, e
	}
	u := &schemas.EndUser{OrgId: c.org, UserId: in.UserID, Disabled: in.Body.Disabled}
	if e := setLimits(&u.Limits, in.Body.Limits, "limits"); e != nil {
		return nil, e
	}
	for attempt := 0; ; attempt++ {
		version := control.VersionOf[*schemas.EndUser](m.State, c.org, in.UserID)
		if err := c.expects(version); err != nil {
			return nil, err
		}
		err := put(ctx, m, c, control.Clone(u), in.UserID, c.expected(version), attempt)
		if isConflict(err) && !c.matching && attempt+1 < attempts {
			continue
		}
		if err != nil {
			return nil, err
		}
		v, err := find[*schemas.EndUser](m, c, in.UserID, userName)
		return m.userAnswer(ctx, c, v, err)
	}
}

type userDeletion struct {
	Named
	Writing
}

func (m *Management) deleteUser(ctx context.Context, c *call, in *userDeletion) (*list[gone], error) {
	if err := remove[*schemas.EndUser](ctx, m, c, in.UserID, userName, nil); err != nil {
		return nil, err
	}
	return deleted(in.UserID), nil
}
