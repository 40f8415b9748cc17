package manage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/credential"
	"weir/internal/control"
	"weir/schemas"
)

// credentialOut is a credential; its key is in no answer.
type credentialOut struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"`
	BaseURL   *string   `json:"base_url" doc:"Where its calls go; null for the provider's own address"`
	GroupID   *string   `json:"group_id" doc:"For the keys of one group"`
	KeyID     *string   `json:"key_id" doc:"For one API key; with neither it is the whole organisation's"`
	Hint      string    `json:"hint" doc:"The key's last characters, of a cloud's credential those of the key's id; empty of a short one"`
	CreatedAt time.Time `json:"created_at"`
	Version   uint64    `json:"version"`
}

type credentialsOut struct {
	Credentials []credentialOut `json:"credentials" nullable:"false"`
}

func credentialOf(v control.Versioned[*schemas.Credential]) credentialOut {
	c := v.Value
	return credentialOut{c.CredentialId, c.Provider, orNull(c.BaseUrl), orNull(c.GroupId), orNull(c.KeyId), c.Hint, time.UnixMicro(c.CreatedAt).UTC(), v.Version}
}

func credentialAnswer(v control.Versioned[*schemas.Credential], err error) (*answer[credentialOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[credentialOut]{etag(v.Version), credentialOf(v)}, nil
}

const credentialTag, credentialName = "Provider credentials", "credential"

func (m *Management) registerCredentials(api huma.API) {
	route(m, api, operation{"list-credentials", http.MethodGet, "credential", "All own keys at providers", credentialTag, ""}, m.listCredentials)
	route(m, api, operation{"create-credential", http.MethodPost, "credential", "A new own key at a provider; it is never shown again", credentialTag,
		"It is for one API key, for the keys of one group, or for the whole organisation; the narrowest counts. credential_strategy of these says when it is used."}, m.createCredential)
	route(m, api, operation{"get-credential", http.MethodGet, "credential/{id}", "One own key at a provider", credentialTag, ""}, m.getCredential)
	route(m, api, operation{"update-credential", http.MethodPatch, "credential/{id}", "Changes the key, or its base URL along with it", credentialTag, ""}, m.updateCredential)
	route(m, api, operation{"delete-credential", http.MethodDelete, "credential/{id}", "Ends its use at once", credentialTag, ""}, m.deleteCredential)
}

func (m *Management) listCredentials(_ context.Context, c *call, _ *Scoped) (*list[credentialsOut], error) {
	out := credentialsOut{Credentials: []credentialOut{}}
	for _, v := range control.List[*schemas.Credential](m.State, c.org) {
		out.Credentials = append(out.Credentials, credentialOf(v))
	}
	return &list[credentialsOut]{out}, nil
}

func (m *Management) getCredential(_ context.Context, c *call, in *ByID) (*answer[credentialOut], error) {
	return credentialAnswer(find[*schemas.Credential](m, c, in.ID, credentialName))
}

type credentialIn struct {
	Scoped
	Creating
	Body credentialFields `nameHint:"NewCredential"`
}

type credentialFields struct {
	Provider string  `json:"provider" maxLength:"256" doc:"One of the gateway's providers"`
	APIKey   keyText `json:"api_key" doc:"The key at the provider, or a cloud's credential"`
	BaseURL  string  `json:"base_url,omitempty" maxLength:"2048" doc:"Where its calls go, such as https://api.openai.com/v1; default is the provider's own address"`
	GroupID  string  `json:"group_id,omitempty" doc:"For the keys of one group"`
	KeyID    string  `json:"key_id,omitempty" doc:"For one API key"`
}

func (m *Management) createCredential(ctx context.Context, c *call, in *credentialIn) (*answer[credentialOut], error) {
	f := &in.Body
	return credentialAnswer(create(ctx, m, c, credentialName, func(id string) (*schemas.Credential, error) {
		d := &schemas.Credential{CredentialId: id, OrgId: c.org, Provider: f.Provider, BaseUrl: f.BaseURL, GroupId: f.GroupID, KeyId: f.KeyID, CreatedAt: c.now.UnixMicro()}
		switch {
		case m.Providers.Get(f.Provider) == nil:
			return nil, apierror.Invalid("provider", "provider is not one of this gateway's: "+strings.Join(m.Providers.Names(), ", ")+".")
		case f.GroupID != "" && f.KeyID != "":
			return nil, apierror.Invalid("key_id", "group_id and key_id are both given. A credential is for one of them, or for the whole organisation.")
		case f.GroupID != "" && !exists[*schemas.Group](m, c, f.GroupID):
			return nil, missing("group_id", groupName)
		case f.KeyID != "" && !exists[*schemas.ApiKey](m, c, f.KeyID):
			return nil, missing("key_id", keyName)
		}
		for _, other := range control.List[*schemas.Credential](m.State, c.org) {
			if o := other.Value; o.Provider == d.Provider && o.GroupId == d.GroupId && o.KeyId == d.KeyId {
				return nil, apierror.New(apierror.Conflict, "There is a credential for this provider and scope already: "+o.CredentialId+". Change that one, or delete it first.")
			}
		}
		return d, m.seal(d, string(f.APIKey))
	}))
}

// seal checks where a credential leads and encrypts its key.
func (m *Management) seal(d *schemas.Credential, key string) error {
	if d.BaseUrl != "" {
		if _, err := m.Egress.Check(d.BaseUrl); err != nil {
			return apierror.Invalid("base_url", fmt.Sprintf("base_url is refused: %s.", err))
		}
	}
	if err := m.checkKey(d.Provider, key); err != nil {
		return apierror.Invalid("api_key", fmt.Sprintf("api_key is not a key: %s.", err))
	}
	err := m.Ring.Seal(d, key)
	if errors.Is(err, credential.ErrNoKey) {
		return apierror.New(apierror.CredentialLocked, "This gateway cannot store provider keys: gateway.credential_keys is not set. Ask the operator to set it.")
	}
	return err
}

// checkKey refuses what the provider could not be called with.
func (m *Management) checkKey(name, key string) error {
	p := m.Providers.Get(name)
	if p == nil { // taken out of the configuration since
		return credential.CheckKey(key)
	}
	if len(key) > maxCredential {
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(key), maxCredential)
	}
	ofCloud, err := p.CheckCredential(key)
	switch {
	case ofCloud:
		return err
	case strings.HasPrefix(key, "{"):
		return fmt.Errorf("the provider %q takes a plain key, and no cloud's credential", name)
	}
	return credential.CheckKey(key)
}

type credentialPatchIn struct {
	ByID
	Writing
	Body credentialPatch `nameHint:"CredentialPatch"`
}

type credentialPatch struct {
	APIKey  *keyText `json:"api_key,omitempty" doc:"The new key at the provider, or a cloud's credential"`
	BaseURL *string  `json:"base_url,omitempty" maxLength:"2048" doc:"Where its calls go, \"\" for the provider's own address; needs api_key along with it"`
}

// updateCredential changes the base URL only along with the key: who may change
// credentials and does not have the key would have it sent to them otherwise.
func (m *Management) updateCredential(ctx context.Context, c *call, in *credentialPatchIn) (*answer[credentialOut], error) {
	f := &in.Body
	return credentialAnswer(update(ctx, m, c, in.ID, credentialName, func(d *schemas.Credential) error {
		if f.BaseURL != nil && *f.BaseURL != d.BaseUrl {
			if f.APIKey == nil {
				return apierror.Invalid("api_key", "api_key is missing. The key must be given again when base_url changes: it goes to another place then.")
			}
			d.BaseUrl = *f.BaseURL
		}
		if f.APIKey == nil {
			return nil
		}
		return m.seal(d, string(*f.APIKey))
	}))
}

// dropCredentials deletes the credentials of what is about to be deleted: nobody could
// use them any more, and their keys would stay in the log's state for nothing.
func (m *Management) dropCredentials(ctx context.Context, c *call, of func(*schemas.Credential) bool) error {
	others := *c // If-Match is of what they belong to
	others.matching = false
	for _, v := range control.List[*schemas.Credential](m.State, c.org) {
		if !of(v.Value) {
			continue
		}
		if err := remove[*schemas.Credential](ctx, m, &others, v.Value.CredentialId, credentialName, nil); err != nil && !isNotFound(err) {
			return err
		}
	}
	return nil
}

func (m *Management) deleteCredential(ctx context.Context, c *call, in *deletion) (*list[gone], error) {
	if err := remove[*schemas.Credential](ctx, m, c, in.ID, credentialName, nil); err != nil {
		return nil, err
	}
	return deleted(in.ID), nil
}
