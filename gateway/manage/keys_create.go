package manage

import (
	"context"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/manage/access"
	"weir/internal/control"
	"weir/schemas"
)

type keyIn struct {
	Scoped
	Creating
	Body keyFields `nameHint:"NewKey"`
}

type keyFields struct {
	Name         string            `json:"name" maxLength:"256"`
	MonthlyLimit *asked            `json:"monthly_limit,omitempty" doc:"0 is unlimited, the default"`
	Limits       *limitsIn         `json:"limits,omitempty" doc:"Budgets of any window, and rates"`
	Permissions  *permissions      `json:"permissions,omitempty" doc:"Default: manage none, completions write"`
	Labels       map[string]string `json:"labels,omitempty"`
	GroupID      string            `json:"group_id,omitempty"`
	Project      string            `json:"project,omitempty" doc:"A project's id"`
	MemberID     *string           `json:"member_id,omitempty" doc:"Whose key it is; \"\" for the organisation's own"`
	AccessListID string            `json:"access_list_id,omitempty"`
	Strategy     *string           `json:"credential_strategy,omitempty" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; \"\" is that of the next larger scope"`
	Regions      *[]string         `json:"regions,omitempty" nullable:"false" doc:"The regions that its calls may reach, of those that the organisation's may; empty, the default, for all of these"`
	ExpiresAt    *time.Time        `json:"expires_at,omitempty"`
	Logging      bool              `json:"logging,omitempty" doc:"Capture prompts and completions"`
}

type createdOut struct {
	APIKeyID string `json:"api_key_id"`
	APIKey   string `json:"api_key" doc:"The secret, shown this once"`
	Version  uint64 `json:"version"`
}

func (m *Management) createKey(ctx context.Context, c *call, in *keyIn) (*answer[createdOut], error) {
	f := &in.Body
	var text string
	var secret *schemas.Secret
	v, err := create(ctx, m, c, keyName, func(id string) (*schemas.ApiKey, error) {
		k := &schemas.ApiKey{KeyId: id, OrgId: c.org, CreatedAt: c.now.UnixMicro(), MemberId: c.who.MemberID(),
			Manage: schemas.Permission_PERMISSION_NONE, Completions: schemas.Permission_PERMISSION_WRITE}
		if f.MemberID != nil {
			k.MemberId = *f.MemberID
		}
		if err := m.fillKey(c, k, f); err != nil {
			return nil, err
		}
		if err := m.mayHandle(c, k); err != nil {
			return nil, notPermitted("A key of this member, group and permission may be created only by somebody with that power.")
		}
		text, secret = m.newSecret()
		k.Secrets = []*schemas.Secret{secret}
		return k, nil
	})
	if err != nil {
		return nil, err
	}
	if !createdNow(v, secret) {
		e := apierror.New(apierror.Conflict, "The key "+v.Value.KeyId+" was created by an earlier call with this Idempotency-Key; its secret cannot be shown again. Rotate it to get a new one.")
		e.Param = "Idempotency-Key"
		return nil, e
	}
	return &answer[createdOut]{etag(v.Version), createdOut{v.Value.KeyId, text, v.Version}}, nil
}

// fillKey checks the fields of a new key and sets them.
func (m *Management) fillKey(c *call, k *schemas.ApiKey, f *keyFields) error {
	if e := checkText("name", f.Name, maxName); e != nil {
		return e
	}
	if e := checkLabels(f.Labels); e != nil {
		return e
	}
	if k.MemberId != "" && !exists[*schemas.Member](m, c, k.MemberId) {
		return missing("member_id", "member")
	}
	k.Name, k.Labels, k.Logging = f.Name, f.Labels, f.Logging
	at, e := c.expiry("expires_at", f.ExpiresAt)
	if e != nil {
		return e
	}
	k.ExpiresAt = at
	if p := f.Permissions; p != nil {
		k.Manage, k.Completions = permissionOf(p.Manage, k.Manage), permissionOf(p.Completions, k.Completions)
	}
	if e := setLimits(&k.Limits, f.Limits, "limits"); e != nil {
		return e
	}
	if e := setMonthlyField(&k.Limits, f.MonthlyLimit, "monthly_limit"); e != nil {
		return e
	}
	if err := setKeyStrategy(c, k, f.Strategy); err != nil {
		return err
	}
	if err := m.setKeyRegions(c, k, f.Regions); err != nil {
		return err
	}
	return m.assign(c, k, &f.GroupID, &f.Project, &f.AccessListID)
}

// assign sets what a key belongs to; nil leaves what there is, "" takes it away.
func (m *Management) assign(c *call, k *schemas.ApiKey, group, project, accessList *string) error {
	if group != nil && *group != k.GroupId {
		g, ok := control.Get[*schemas.Group](m.State, c.org, *group)
		switch {
		case *group == "":
		case !ok || c.scope == access.Own && !c.who.In(g.Value):
			return missing("group_id", "group")
		}
		k.GroupId = *group
	}
	if project != nil && *project != k.Project {
		if *project != "" && !exists[*schemas.Project](m, c, *project) {
			return missing("project", "project")
		}
		k.Project = *project
	}
	if accessList != nil && *accessList != k.AccessListId {
		// A key's own list counts before its group's: it is not for those that the
		// lists are meant to bound.
		if c.scope != access.All {
			return notPermitted("Only an owner or admin may change the access list of a key.")
		}
		if *accessList != "" && !exists[*schemas.AccessList](m, c, *accessList) {
			return missing("access_list_id", "access list")
		}
		k.AccessListId = *accessList
	}
	return nil
}

// setKeyStrategy sets a key's credential strategy: who pays for its calls is not for
// those to say who make them.
func setKeyStrategy(c *call, k *schemas.ApiKey, in *string) error {
	before := k.Strategy
	if e := setStrategy(&k.Strategy, in); e != nil {
		return e
	}
	if k.Strategy != before && c.scope != access.All {
		return notPermitted("Only an owner or admin may change the credential strategy of a key.")
	}
	return nil
}

// setLimits replaces limits; nil leaves what there is.
func setLimits(to **schemas.Limits, in *limitsIn, field string) *apierror.Error {
	if in == nil {
		return nil
	}
	l, e := in.read(field)
	if e != nil {
		return e
	}
	*to = l
	return nil
}

// setMonthlyField sets the budget by month; nil leaves what there is.
func setMonthlyField(to **schemas.Limits, in *asked, field string) *apierror.Error {
	if in == nil {
		return nil
	}
	pico, e := in.limit(field)
	if e != nil {
		return e
	}
	*to = setMonthly(*to, pico)
	return nil
}

type keyPatchIn struct {
	ByID
	Writing
	Body keyPatch `nameHint:"KeyPatch"`
}

type keyPatch struct {
	Name         *string      `json:"name,omitempty" maxLength:"256"`
	Permissions  *permissions `json:"permissions,omitempty"`
	Limits       *limitsIn    `json:"limits,omitempty" doc:"Replaces all limits"`
	GroupID      *string      `json:"group_id,omitempty" doc:"\"\" for none"`
	Project      *string      `json:"project,omitempty" doc:"\"\" for none"`
	AccessListID *string      `json:"access_list_id,omitempty" doc:"\"\" for none"`
	Strategy     *string      `json:"credential_strategy,omitempty" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; \"\" is that of the next larger scope"`
	Regions      *[]string    `json:"regions,omitempty" nullable:"false" doc:"Replaces the regions that its calls may reach; empty for all of the organisation's"`
	Logging      *bool        `json:"logging,omitempty"`
}

func (m *Management) updateKey(ctx context.Context, c *call, in *keyPatchIn) (*answer[keyOut], error) {
	f := &in.Body
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error {
		if f.Name != nil {
			if e := checkText("name", *f.Name, maxName); e != nil {
				return e
			}
			k.Name = *f.Name
		}
		if f.Logging != nil {
			k.Logging = *f.Logging
		}
		if e := setLimits(&k.Limits, f.Limits, "limits"); e != nil {
			return e
		}
		if p := f.Permissions; p != nil {
			k.Manage, k.Completions = permissionOf(p.Manage, k.Manage), permissionOf(p.Completions, k.Completions)
		}
		if err := setKeyStrategy(c, k, f.Strategy); err != nil {
			return err
		}
		if err := m.setKeyRegions(c, k, f.Regions); err != nil {
			return err
		}
		if err := m.assign(c, k, f.GroupID, f.Project, f.AccessListID); err != nil {
			return err
		}
		return m.mayHandle(c, k) // as it will be: a key must not outgrow the caller
	})
	return m.keyAnswer(ctx, c, v, err)
}
