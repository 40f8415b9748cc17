package manage

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/internal/control"
	"weir/schemas"
)

const operatorTag = "Operator"

func (m *Management) registerOperator(api huma.API) {
	route(m, api, operation{"list-orgs", http.MethodGet, "orgs", "All organisations; the operator's", operatorTag, ""}, m.listOrgs)
	route(m, api, operation{"create-org", http.MethodPost, "org", "A new organisation, its owner and the owner's key; the operator's", operatorTag,
		"It starts with the credits of gateway.starting_credits, or may spend without end where that is not set."}, m.createOrg)
}

type orgsOut struct {
	Organizations []orgSummary `json:"organizations" nullable:"false"`
}

type orgSummary struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Prepaid  bool   `json:"prepaid"`
	Credits  amount `json:"credits"`
	Disabled bool   `json:"disabled"`
	Version  uint64 `json:"version"`
}

func (m *Management) listOrgs(context.Context, *call, *struct{}) (*list[orgsOut], error) {
	out := orgsOut{Organizations: []orgSummary{}}
	for _, v := range m.State.Organizations() {
		o := v.Value
		out.Organizations = append(out.Organizations, orgSummary{o.OrgId, o.Name, o.Prepaid, amount(m.State.Credited(o.OrgId)), o.Disabled, v.Version})
	}
	return &list[orgsOut]{out}, nil
}

type newOrgIn struct {
	Creating
	Body struct {
		Name  string `json:"name" maxLength:"256"`
		Owner *owner `json:"owner,omitempty" doc:"Its first member, who gets an API key that may manage and make calls"`
	} `nameHint:"NewOrg"`
}

type owner struct {
	Email string `json:"email" maxLength:"256"`
	Name  string `json:"name,omitempty" maxLength:"256"`
}

type newOrgOut struct {
	Organization orgOut  `json:"organization"`
	OwnerID      *string `json:"owner_id"`
	APIKeyID     *string `json:"api_key_id"`
	APIKey       *string `json:"api_key" doc:"The secret of the owner's key, shown this once"`
}

// createOrg writes the organisation first: without its credits it may spend
// nothing, so that a call that is interrupted grants nothing that was not meant. A
// repeat with the same Idempotency-Key goes on where the first one stopped.
func (m *Management) createOrg(ctx context.Context, c *call, in *newOrgIn) (*answer[newOrgOut], error) {
	if e := checkText("name", in.Body.Name, maxName); e != nil {
		return nil, e
	}
	if o := in.Body.Owner; o != nil {
		if e := checkEmail(o.Email); e != nil {
			e.Param = "owner.email"
			return nil, e
		}
		if e := checkText("owner.name", o.Name, maxName); o.Name != "" && e != nil {
			return nil, e
		}
	}
	if err := c.fresh(); err != nil {
		return nil, err
	}
	// What is created is looked for in the organisation that the call is for.
	c.org = newID[*schemas.Organization](c, orgName)
	v, ok := control.Get[*schemas.Organization](m.State, c.org, c.org)
	if !ok {
		o := &schemas.Organization{OrgId: c.org, Name: in.Body.Name, Prepaid: m.StartingCredits != nil, CreatedAt: c.now.UnixMicro()}
		err := put(ctx, m, c, o, c.org, 0, 0)
		if err == nil || isConflict(err) {
			v, err = find[*schemas.Organization](m, c, c.org, orgName)
		}
		if err != nil {
			return nil, err
		}
	}
	if grant := m.StartingCredits; grant != nil && *grant > 0 {
		_, err := m.writeCredit(ctx, c, &schemas.Credit{OrgId: c.org, AmountPico: int64(*grant), Kind: schemas.CreditKind_CREDIT_KIND_GRANT, Reason: "starting credits"})
		if err != nil {
			return nil, err
		}
	}
	out := newOrgOut{}
	if in.Body.Owner != nil {
		if err := m.createOwner(ctx, c, in.Body.Owner, &out); err != nil {
			return nil, err
		}
	}
	out.Organization = m.orgOf(ctx, v, m.spender(c))
	return &answer[newOrgOut]{etag(v.Version), out}, nil
}

func (m *Management) createOwner(ctx context.Context, c *call, o *owner, out *newOrgOut) error {
	p, err := create(ctx, m, c, memberName, func(id string) (*schemas.Member, error) {
		return &schemas.Member{MemberId: id, OrgId: c.org, Email: o.Email, Name: o.Name, Role: schemas.OrgRole_ORG_ROLE_OWNER}, nil
	})
	if err != nil {
		return err
	}
	var text string
	var secret *schemas.Secret
	k, err := create(ctx, m, c, keyName, func(id string) (*schemas.ApiKey, error) {
		text, secret = m.newSecret()
		return &schemas.ApiKey{KeyId: id, OrgId: c.org, Name: "owner", MemberId: p.Value.MemberId, CreatedAt: c.now.UnixMicro(),
			Manage: schemas.Permission_PERMISSION_WRITE, Completions: schemas.Permission_PERMISSION_WRITE, Secrets: []*schemas.Secret{secret}}, nil
	})
	if err != nil {
		return err
	}
	if !createdNow(k, secret) {
		e := apierror.New(apierror.Conflict, "The organisation "+c.org+" and its owner's key "+k.Value.KeyId+
			" were created by an earlier call with this Idempotency-Key; the secret cannot be shown again. Rotate the key to get a new one.")
		e.Param = "Idempotency-Key"
		return e
	}
	out.OwnerID, out.APIKeyID, out.APIKey = &p.Value.MemberId, &k.Value.KeyId, &text
	return nil
}
