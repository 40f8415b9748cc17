package manage

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/manage/access"
	"weir/internal/control"
	"weir/schemas"
)

// orgOut is an organisation.
type orgOut struct {
	ID           string      `json:"id"`
	Name         string      `json:"name"`
	Prepaid      bool        `json:"prepaid" doc:"Its balance bounds what it may spend"`
	Credits      amount      `json:"credits" doc:"The sum of its statement"`
	Balance      *number     `json:"balance" nullable:"true" doc:"Its credits less what it spent on the gateway's keys; null while that is not known"`
	MonthlySpend *amount     `json:"monthly_spend" nullable:"true" doc:"What it spent this month; null while that is not known"`
	Limits       limitsOut   `json:"limits"`
	UserLimits   limitsOut   `json:"user_limits" doc:"Of each end user for whom none are set"`
	MemberLimits limitsOut   `json:"member_limits" doc:"Of each member for whom none are set"`
	AccessListID *string     `json:"access_list_id"`
	Strategy     *string     `json:"credential_strategy" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; null is that of the next larger scope"`
	Regions      []string    `json:"regions" nullable:"false" doc:"The regions that its calls may reach; empty for anywhere"`
	Disabled     bool        `json:"disabled"`
	CreatedAt    time.Time   `json:"created_at"`
	Members      []memberOut `json:"members" nullable:"false"`
	Version      uint64      `json:"version"`
}

func (m *Management) orgOf(ctx context.Context, v control.Versioned[*schemas.Organization], s *spender) orgOut {
	o := v.Value
	credits := m.State.Credited(o.OrgId)
	out := orgOut{
		ID: o.OrgId, Name: o.Name, Prepaid: o.Prepaid, Credits: amount(credits), MonthlySpend: s.thisMonth(ctx, Org, ""),
		Limits: limitsOf(o.Limits), UserLimits: limitsOf(o.UserLimits), MemberLimits: limitsOf(o.MemberLimits), AccessListID: orNull(o.AccessListId), Strategy: strategyName(o.Strategy),
		Regions: append([]string{}, o.Regions...), Disabled: o.Disabled, CreatedAt: time.UnixMicro(o.CreatedAt).UTC(), Members: m.membersOf(o.OrgId), Version: v.Version,
	}
	if spent, ok := s.in(ctx, Balance, "", schemas.Window_WINDOW_LIFETIME); ok {
		rest := number(schemas.SubtractClamped(credits, spent))
		out.Balance = &rest
	}
	return out
}

func (m *Management) orgAnswer(ctx context.Context, c *call, v control.Versioned[*schemas.Organization], err error) (*answer[orgOut], error) {
	if err != nil {
		return nil, err
	}
	s := m.spender(c)
	s.org = v.Value.OrgId
	return &answer[orgOut]{etag(v.Version), m.orgOf(ctx, v, s)}, nil
}

const orgTag, orgName = "Organisation", "organisation"

func (m *Management) registerOrg(api huma.API) {
	route(m, api, operation{"get-org", http.MethodGet, "org", "The organisation, its balance and its members", orgTag, ""}, m.getOrg)
	route(m, api, operation{"update-org", http.MethodPatch, "org", "Changes the fields that are given", orgTag, "prepaid and disabled are the operator's to change."}, m.updateOrg)
	route(m, api, operation{"get-audit", http.MethodGet, "org/audit", "Who changed what, the newest first", orgTag, ""}, m.getAudit)
}

func (m *Management) getOrg(ctx context.Context, c *call, _ *Scoped) (*answer[orgOut], error) {
	v, err := find[*schemas.Organization](m, c, c.org, orgName)
	return m.orgAnswer(ctx, c, v, err)
}

type orgPatchIn struct {
	Scoped
	Writing
	Body orgPatch `nameHint:"OrgPatch"`
}

type orgPatch struct {
	Name         *string   `json:"name,omitempty" maxLength:"256"`
	Limits       *limitsIn `json:"limits,omitempty" doc:"Replaces all limits of the whole organisation"`
	UserLimits   *limitsIn `json:"user_limits,omitempty" doc:"Replaces all limits of each end user for whom none are set"`
	MemberLimits *limitsIn `json:"member_limits,omitempty" doc:"Replaces all limits of each member for whom none are set"`
	AccessListID *string   `json:"access_list_id,omitempty" doc:"\"\" for none"`
	Strategy     *string   `json:"credential_strategy,omitempty" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; \"\" is that of the next larger scope"`
	Regions      *[]string `json:"regions,omitempty" nullable:"false" doc:"Replaces the regions that its calls may reach; empty for anywhere"`
	Prepaid      *bool     `json:"prepaid,omitempty" doc:"The operator's to change"`
	Disabled     *bool     `json:"disabled,omitempty" doc:"The operator's to change"`
}

func (m *Management) updateOrg(ctx context.Context, c *call, in *orgPatchIn) (*answer[orgOut], error) {
	f := &in.Body
	if (f.Prepaid != nil || f.Disabled != nil) && c.who.Role != access.Operator {
		return nil, notPermitted("Only the operator may change prepaid and disabled.")
	}
	v, err := update(ctx, m, c, c.org, orgName, func(o *schemas.Organization) error {
		if f.Name != nil {
			o.Name = *f.Name
		}
		if e := checkText("name", o.Name, maxName); e != nil {
			return e
		}
		for _, l := range []struct {
			field string
			in    *limitsIn
			to    **schemas.Limits
		}{{"limits", f.Limits, &o.Limits}, {"user_limits", f.UserLimits, &o.UserLimits}, {"member_limits", f.MemberLimits, &o.MemberLimits}} {
			if e := setLimits(l.to, l.in, l.field); e != nil {
				return e
			}
		}
		if f.Prepaid != nil {
			o.Prepaid = *f.Prepaid
		}
		if f.Disabled != nil {
			o.Disabled = *f.Disabled
		}
		if e := setStrategy(&o.Strategy, f.Strategy); e != nil {
			return e
		}
		if e := setRegions(&o.Regions, f.Regions); e != nil {
			return e
		}
		return m.setAccessList(c, &o.AccessListId, f.AccessListID)
	})
	return m.orgAnswer(ctx, c, v, err)
}

// Paged are the parameters of what is read page by page.
type Paged struct {
	Scoped
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"At most so many"`
	Before string `query:"before" maxLength:"20" doc:"The next of an earlier answer"`
}

// auditOut is a page of the audit trail.
type auditOut struct {
	Changes []changeOut `json:"changes" nullable:"false"`
	Next    *string     `json:"next" doc:"What to ask for as before to get older changes; null when there are none"`
}

type changeOut struct {
	At        time.Time `json:"at"`
	Actor     string    `json:"actor" doc:"The id of the API key that was used; operator, bootstrap for what weir.yaml named, or system"`
	RequestID *string   `json:"request_id" doc:"The x-requesty-request-id of the call"`
	Action    string    `json:"action" enum:"created,changed,deleted"`
	Kind      string    `json:"kind" enum:"org,project,group,member,key,access_list,credential,user,credit"`
	ID        string    `json:"id"`
	Version   uint64    `json:"version"`
	Value     any       `json:"value,omitempty" doc:"What it was changed to, as the endpoint of its kind shows it; absent of what was deleted"`
}

func (m *Management) getAudit(ctx context.Context, c *call, in *Paged) (*list[auditOut], error) {
	var before int64
	if in.Before != "" {
		var err error
		if before, err = strconv.ParseInt(in.Before, 10, 64); err != nil || before <= 0 {
			return nil, apierror.Invalid("before", "before is not the next of an earlier answer.")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	changes, next, err := m.Trail.Audit(ctx, c.org, before, in.Limit)
	if err != nil {
		m.Logger.Warn("audit trail could not be read", "request_id", c.requestID, "error", err)
		return nil, apierror.New(apierror.CannotRecord, "The event log could not be read. Repeat the call.")
	}
	out := auditOut{Changes: []changeOut{}}
	for _, r := range changes {
		out.Changes = append(out.Changes, m.changeOf(ctx, r))
	}
	if next > 0 {
		text := strconv.FormatInt(next, 10)
		out.Next = &text
	}
	return &list[auditOut]{out}, nil
}

func (m *Management) changeOf(ctx context.Context, r control.Recorded) changeOut {
	out := changeOut{At: time.UnixMicro(r.Record.OccurredAt).UTC(), Actor: r.Record.Actor, RequestID: orNull(r.Record.RequestId),
		Action: "changed", Kind: r.Kind, ID: r.ID, Version: r.Version, Value: m.valueOf(ctx, r)}
	switch {
	case r.Entity == nil:
		out.Action = "deleted"
	case r.Version == 1:
		out.Action = "created"
	}
	return out
}

// valueOf shows what a change stored as the endpoint of its kind would, without
// what was spent.
func (m *Management) valueOf(ctx context.Context, r control.Recorded) any {
	switch e := r.Entity.(type) {
	case *schemas.ApiKey:
		return m.keyOf(ctx, control.Versioned[*schemas.ApiKey]{Value: e, Version: r.Version}, nil)
	case *schemas.Group:
		return m.groupOf(ctx, control.Versioned[*schemas.Group]{Value: e, Version: r.Version}, nil)
	case *schemas.Member:
		return memberOf(control.Versioned[*schemas.Member]{Value: e, Version: r.Version})
	case *schemas.Project:
		return projectOf(ctx, control.Versioned[*schemas.Project]{Value: e, Version: r.Version}, nil)
	case *schemas.EndUser:
		return userOf(ctx, control.Versioned[*schemas.EndUser]{Value: e, Version: r.Version}, nil)
	case *schemas.AccessList:
		return accessListOf(control.Versioned[*schemas.AccessList]{Value: e, Version: r.Version})
	case *schemas.Credential:
		return credentialOf(control.Versioned[*schemas.Credential]{Value: e, Version: r.Version})
	case *schemas.Credit:
		return creditOf(e)
	case *schemas.Organization:
		return settingsOf(e)
	}
	return nil
}

// settingsOut is an organisation as a change of it is shown.
type settingsOut struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Prepaid      bool      `json:"prepaid"`
	Limits       limitsOut `json:"limits"`
	UserLimits   limitsOut `json:"user_limits"`
	MemberLimits limitsOut `json:"member_limits"`
	AccessListID *string   `json:"access_list_id"`
	Strategy     *string   `json:"credential_strategy"`
	Regions      []string  `json:"regions" nullable:"false"`
	Disabled     bool      `json:"disabled"`
}

func settingsOf(o *schemas.Organization) settingsOut {
	return settingsOut{o.OrgId, o.Name, o.Prepaid, limitsOf(o.Limits), limitsOf(o.UserLimits), limitsOf(o.MemberLimits), orNull(o.AccessListId), strategyName(o.Strategy),
		append([]string{}, o.Regions...), o.Disabled}
}
