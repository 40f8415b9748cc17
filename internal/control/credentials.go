package control

import (
	"slices"
	"strings"

	"weir/schemas"
)

// credentialScope is whose credential it is: a key's, else a group's, else the
// whole organisation's, at one provider.
type credentialScope struct{ key, group, provider string }

func scopeOf(c *schemas.Credential) credentialScope {
	if c.KeyId != "" {
		return credentialScope{key: c.KeyId, provider: c.Provider}
	}
	return credentialScope{group: c.GroupId, provider: c.Provider}
}

// Credential returns the caller's own credential at a provider, nil for none: the
// key's, else its group's, else the organisation's, and of several the newest.
func (s *State) Credential(c *Caller, provider string) *schemas.Credential {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.orgs[c.Key.OrgId]
	if o == nil || len(o.owned) == 0 {
		return nil
	}
	scopes := [...]credentialScope{{key: c.Key.KeyId, provider: provider}, {group: c.Group.GetGroupId(), provider: provider}, {provider: provider}}
	for _, scope := range scopes {
		if list := o.owned[scope]; len(list) > 0 {
			return list[len(list)-1]
		}
	}
	return nil
}

// own adds a credential to those of its scope, in the order of their ids.
func (o *organization) own(c *schemas.Credential) {
	if o.owned == nil {
		o.owned = make(map[credentialScope][]*schemas.Credential)
	}
	scope := scopeOf(c)
	list := append(o.owned[scope], c)
	slices.SortFunc(list, func(a, b *schemas.Credential) int { return strings.Compare(a.CredentialId, b.CredentialId) })
	o.owned[scope] = list
}

// disown takes a credential from those of its scope.
func (o *organization) disown(c *schemas.Credential) {
	scope := scopeOf(c)
	list := slices.DeleteFunc(o.owned[scope], func(other *schemas.Credential) bool { return other == c })
	if len(list) == 0 {
		delete(o.owned, scope)
		return
	}
	o.owned[scope] = list
}
