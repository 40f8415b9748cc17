package manage

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/manage/access"
	"weir/internal/control"
	"weir/schemas"
)

// self is how a key names itself.
const self = "self"

// keyOut is an API key.
type keyOut struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	MonthlyLimit amount            `json:"monthly_limit" doc:"Its budget by month; 0 is unlimited"`
	MonthlySpend *amount           `json:"monthly_spend" nullable:"true" doc:"What it spent this month; null while that is not known"`
	Permissions  permissions       `json:"permissions"`
	Labels       map[string]string `json:"labels"`
	CreatedBy    *personOut        `json:"created_by,omitempty" doc:"The member whose key it is; absent of the organisation's own"`
	Group        *groupRef         `json:"group,omitempty"`
	Project      *string           `json:"project"`
	AccessListID *string           `json:"access_list_id"`
	Strategy     *string           `json:"credential_strategy" doc:"Whose key providers are called with: gateway_key, own_key, own_then_gateway or gateway_then_own; null is that of the next larger scope"`
	Regions      []string          `json:"regions" nullable:"false" doc:"The regions that its calls may reach, of those that the organisation's may; empty for all of these"`
	Limits       limitsOut         `json:"limits"`
	Logging      bool              `json:"logging" doc:"Prompts and completions are captured"`
	Disabled     bool              `json:"disabled"`
	ExpiresAt    *time.Time        `json:"expires_at"`
	CreatedAt    time.Time         `json:"created_at"`
	Secrets      []secretOut       `json:"secrets" nullable:"false" doc:"What the key answers to; two while it is rotated"`
	Version      uint64            `json:"version"`
}

type personOut struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type groupRef struct {
	ID string `json:"id"`
}

type secretOut struct {
	Hint      string     `json:"hint" doc:"Its last characters"`
	ExpiresAt *time.Time `json:"expires_at"`
}

type keysOut struct {
	Keys []keyOut `json:"keys" nullable:"false"`
}

// timeOf is a moment of an answer, null for never. One that RFC 3339 cannot write, which
// only an older release has let into the log, is never too: it must not cost the others
// their answer.
func timeOf(micros int64) *time.Time {
	t := time.UnixMicro(micros).UTC()
	if micros == 0 || t.Year() > 9999 {
		return nil
	}
	return &t
}

// keyOf is a key as answers show it; s may be nil.
func (m *Management) keyOf(ctx context.Context, v control.Versioned[*schemas.ApiKey], s *spender) keyOut {
	k := v.Value
	out := keyOut{
		ID: k.KeyId, Name: k.Name, MonthlyLimit: amount(monthly(k.Limits)), MonthlySpend: s.thisMonth(ctx, Key, k.KeyId),
		Permissions: permissions{permissionName(k.Manage), permissionName(k.Completions)}, Labels: k.Labels,
		Project: orNull(k.Project), AccessListID: orNull(k.AccessListId), Strategy: strategyName(k.Strategy), Regions: append([]string{}, k.Regions...), Limits: limitsOf(k.Limits),
		Logging: k.Logging, Disabled: k.Disabled, ExpiresAt: timeOf(k.ExpiresAt), CreatedAt: time.UnixMicro(k.CreatedAt).UTC(),
		Secrets: []secretOut{}, Version: v.Version,
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	if k.MemberId != "" {
		member, _ := control.Get[*schemas.Member](m.State, k.OrgId, k.MemberId)
		out.CreatedBy = &personOut{k.MemberId, member.Value.GetEmail()}
	}
	if k.GroupId != "" {
		out.Group = &groupRef{k.GroupId}
	}
	for _, s := range k.Secrets {
		out.Secrets = append(out.Secrets, secretOut{s.Hint, timeOf(s.ExpiresAt)})
	}
	return out
}

func (m *Management) keyAnswer(ctx context.Context, c *call, v control.Versioned[*schemas.ApiKey], err error) (*answer[keyOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[keyOut]{etag(v.Version), m.keyOf(ctx, v, m.spender(c))}, nil
}

const keyTag, keyName = "API keys", "API key"

func (m *Management) registerKeys(api huma.API) {
	route(m, api, operation{"list-api-keys", http.MethodGet, "apikey", "The keys that one may see", keyTag, ""}, m.listKeys)
	route(m, api, operation{"create-api-key", http.MethodPost, "apikey", "A new key; its secret is shown this once", keyTag,
		"The key belongs to the caller's member unless member_id says otherwise."}, m.createKey)
	route(m, api, operation{"get-api-key", http.MethodGet, "apikey/{id}", "One key; \"self\" is the one that asks", keyTag, ""}, m.getKey)
	route(m, api, operation{"update-api-key", http.MethodPatch, "apikey/{id}", "Changes the fields that are given", keyTag, ""}, m.updateKey)
	route(m, api, operation{"set-api-key-limit", http.MethodPost, "apikey/{id}/limit", "Its budget by month", keyTag, ""}, m.setKeyLimit)
	route(m, api, operation{"set-api-key-labels", http.MethodPost, "apikey/{id}/label", "Replaces all labels", keyTag, ""}, m.setKeyLabels)
	route(m, api, operation{"set-api-key-expiry", http.MethodPost, "apikey/{id}/expiry", "When it ends; null is never", keyTag, ""}, m.setKeyExpiry)
	route(m, api, operation{"disable-api-key", http.MethodPost, "apikey/{id}/disable", "Refuses it until it is enabled again", keyTag, ""}, m.disableKey)
	route(m, api, operation{"enable-api-key", http.MethodPost, "apikey/{id}/enable", "Lets it in again", keyTag, ""}, m.enableKey)
	route(m, api, operation{"rotate-api-key", http.MethodPost, "apikey/{id}/rotate", "A new secret, shown this once; the old one ends after the overlap", keyTag, ""}, m.rotateKey)
	route(m, api, operation{"delete-api-key", http.MethodDelete, "apikey/{id}", "Ends it at once", keyTag, ""}, m.deleteKey)
}

// keyID is the id that a path names.
func (c *call) keyID(id string) string {
	if id == self && c.who.Key != nil {
		return c.who.Key.KeyId
	}
	return id
}

// visible refuses a key that the caller may not see as one that is not there.
func (m *Management) visible(c *call, k *schemas.ApiKey) error {
	if c.scope == access.Own && !c.who.OwnsKey(k) {
		return notFound(keyName)
	}
	return nil
}

// mayHandle refuses a change of a key that has more power than the caller: its
// secret, shown by a rotation, would be the caller's.
func (m *Management) mayHandle(c *call, k *schemas.ApiKey) error {
	if err := m.visible(c, k); err != nil {
		return err
	}
	member, _ := control.Get[*schemas.Member](m.State, c.org, k.MemberId)
	if !c.who.Commands(access.PowerOf(k, member.Value)) {
		return notPermitted("The key has more power than the one that you call with.")
	}
	return nil
}

func (m *Management) listKeys(ctx context.Context, c *call, _ *Scoped) (*list[keysOut], error) {
	out := keysOut{Keys: []keyOut{}}
	spend := m.spender(c)
	for _, v := range control.List[*schemas.ApiKey](m.State, c.org) {
		if m.visible(c, v.Value) == nil {
			out.Keys = append(out.Keys, m.keyOf(ctx, v, spend))
		}
	}
	return &list[keysOut]{out}, nil
}

func (m *Management) getKey(ctx context.Context, c *call, in *ByID) (*answer[keyOut], error) {
	v, err := m.readable(c, in.ID)
	return m.keyAnswer(ctx, c, v, err)
}

// readable is the key that a path names, when the caller may see it or is it.
func (m *Management) readable(c *call, id string) (control.Versioned[*schemas.ApiKey], error) {
	v, err := find[*schemas.ApiKey](m, c, c.keyID(id), keyName)
	if err == nil && v.Value.KeyId != c.who.Key.GetKeyId() {
		err = m.visible(c, v.Value)
	}
	return v, err
}

// keyChange is a call that changes one key and has no body.
type keyChange struct {
	ByID
	Writing
}

// editKey makes an edit to a key that the caller may handle.
func (m *Management) editKey(ctx context.Context, c *call, id string, edit func(*schemas.ApiKey) error) (control.Versioned[*schemas.ApiKey], error) {
	return update(ctx, m, c, c.keyID(id), keyName, func(k *schemas.ApiKey) error {
		if err := m.mayHandle(c, k); err != nil {
			return err
		}
		return edit(k)
	})
}

func (m *Management) disableKey(ctx context.Context, c *call, in *keyChange) (*answer[keyOut], error) {
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error { k.Disabled = true; return nil })
	return m.keyAnswer(ctx, c, v, err)
}

func (m *Management) enableKey(ctx context.Context, c *call, in *keyChange) (*answer[keyOut], error) {
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error { k.Disabled = false; return nil })
	return m.keyAnswer(ctx, c, v, err)
}

func (m *Management) deleteKey(ctx context.Context, c *call, in *keyChange) (*list[gone], error) {
	id := c.keyID(in.ID)
	v, err := find[*schemas.ApiKey](m, c, id, keyName)
	if err != nil {
		return nil, err
	}
	if err := m.mayHandle(c, v.Value); err != nil {
		return nil, err
	}
	if err := c.expects(v.Version); err != nil {
		return nil, err
	}
	if err := m.dropCredentials(ctx, c, func(d *schemas.Credential) bool { return d.KeyId == id }); err != nil {
		return nil, err
	}
	if err := remove(ctx, m, c, id, keyName, func(k *schemas.ApiKey) error { return m.mayHandle(c, k) }); err != nil {
		return nil, err
	}
	return deleted(id), nil
}

type limitIn struct {
	ByID
	Writing
	Body struct {
		MonthlyLimit asked `json:"monthly_limit" doc:"0 is unlimited"`
	} `nameHint:"KeyLimit"`
}

func (m *Management) setKeyLimit(ctx context.Context, c *call, in *limitIn) (*answer[keyOut], error) {
	pico, e := in.Body.MonthlyLimit.limit("monthly_limit")
	if e != nil {
		return nil, e
	}
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error {
		k.Limits = setMonthly(k.Limits, pico)
		return nil
	})
	return m.keyAnswer(ctx, c, v, err)
}

type labelsIn struct {
	ByID
	Writing
	Body struct {
		Labels map[string]string `json:"labels"`
	} `nameHint:"KeyLabels"`
}

func (m *Management) setKeyLabels(ctx context.Context, c *call, in *labelsIn) (*answer[keyOut], error) {
	if e := checkLabels(in.Body.Labels); e != nil {
		return nil, e
	}
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error { k.Labels = in.Body.Labels; return nil })
	return m.keyAnswer(ctx, c, v, err)
}

type expiryIn struct {
	ByID
	Writing
	Body struct {
		ExpiresAt *time.Time `json:"expires_at" nullable:"true"`
	} `nameHint:"KeyExpiry"`
}

func (m *Management) setKeyExpiry(ctx context.Context, c *call, in *expiryIn) (*answer[keyOut], error) {
	at, e := c.expiry("expires_at", in.Body.ExpiresAt)
	if e != nil {
		return nil, e
	}
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error { k.ExpiresAt = at; return nil })
	return m.keyAnswer(ctx, c, v, err)
}

// expiry reads a moment that lies ahead; nil is never.
func (c *call) expiry(field string, at *time.Time) (int64, *apierror.Error) {
	if at == nil {
		return 0, nil
	}
	if !at.After(c.now) {
		return 0, apierror.Invalid(field, field+" lies in the past. To end a key now, disable or delete it.")
	}
	if at.UTC().Year() > 9999 { // RFC 3339 could not write it in an answer, though it reads it in another zone
		return 0, apierror.Invalid(field, field+" lies after the year 9999 in UTC. Leave it out for a key that never ends.")
	}
	return at.UnixMicro(), nil
}

type rotateIn struct {
	ByID
	Writing
	Body *struct {
		Overlap string `json:"overlap,omitempty" doc:"How long the old secret still works, such as 24h; at most 720h. Default 0s: it ends at once"`
	} `nameHint:"KeyRotation"`
}

type rotatedOut struct {
	APIKeyID     string    `json:"api_key_id"`
	APIKey       string    `json:"api_key" doc:"The new secret, shown this once"`
	OldExpiresAt time.Time `json:"old_expires_at" doc:"When the secret before it ends"`
	Version      uint64    `json:"version"`
}

const (
	maxOverlap = 30 * 24 * time.Hour // of two secrets of a key
	maxSecrets = 8                   // of a key at once
)

func (m *Management) rotateKey(ctx context.Context, c *call, in *rotateIn) (*answer[rotatedOut], error) {
	var overlap time.Duration
	if in.Body != nil && in.Body.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(clip(in.Body.Overlap)); err != nil || overlap < 0 || overlap > maxOverlap {
			return nil, apierror.Invalid("overlap", "overlap is not a duration from 0s to 720h, such as 24h.")
		}
	}
	text, secret := m.newSecret()
	var old time.Time
	v, err := m.editKey(ctx, c, in.ID, func(k *schemas.ApiKey) error {
		old = rotate(k, secret, c.now, overlap)
		if len(k.Secrets) > maxSecrets {
			return apierror.New(apierror.Conflict, fmt.Sprintf("The key has %d secrets already. Rotate it without overlap, or wait until some have ended.", maxSecrets))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !holds(v.Value, secret) {
		return nil, apierror.New(apierror.Conflict, "The key was rotated by an earlier call with this Idempotency-Key, or by somebody else since; the secret cannot be shown again. Rotate it with another Idempotency-Key to get a new one.")
	}
	return &answer[rotatedOut]{etag(v.Version), rotatedOut{v.Value.KeyId, text, old.UTC(), v.Version}}, nil
}
