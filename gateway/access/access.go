// Package access decides which models a caller may call, by the access lists of
// the control state.
//
// Guarantee: the list that holds is the key's; where it has none, its group's, or
// those of all the groups that its member is in, united, when the key is in no
// group; where there is none either, the organisation's; else everything may be
// called. A list that is named and was deleted, as can be when both happen at once,
// lets nothing through: what it was to bound must not be open.
//
// Concurrency: pure functions over the control state. Failure: none; what no entry
// names is not allowed.
package access

import (
	"strings"

	"weir/internal/control"
	"weir/schemas"
)

// Modality is what a model makes.
type Modality uint8

// The modalities, as access lists tell them apart.
const (
	Chat Modality = iota
	Embedding
	Image
	Transcription
	Speech
)

// ModalityOf reads the catalog's word for what a model makes; whatever is not
// listed by itself is chat.
func ModalityOf(api string) Modality {
	switch api {
	case "embedding":
		return Embedding
	case "image":
		return Image
	case "transcription":
		return Transcription
	case "speech":
		return Speech
	}
	return Chat
}

// Allowed tells whether the caller may call a model of a provider. Names of models
// are compared as the provider is asked for them, without a region.
func Allowed(s *control.State, c *control.Caller, m Modality, provider, model string) bool {
	switch {
	case c.Key.AccessListId == "" && c.Org.AccessListId == "" && c.Group == nil && len(c.MemberGroups) == 0:
		return true // nobody has a list: nothing is looked up
	case c.Key.AccessListId != "":
		return lets(find(s, c, c.Key.AccessListId), m, provider, model)
	}
	if c.Group != nil {
		return byGroup(s, c, c.Group, m, provider, model)
	}
	for _, g := range c.MemberGroups {
		if byGroup(s, c, g, m, provider, model) {
			return true
		}
	}
	return len(c.MemberGroups) == 0 && byOrganization(s, c, m, provider, model)
}

// byGroup asks the group's list, or the organisation's where it has none.
func byGroup(s *control.State, c *control.Caller, g *schemas.Group, m Modality, provider, model string) bool {
	if g.AccessListId != "" {
		return lets(find(s, c, g.AccessListId), m, provider, model)
	}
	return byOrganization(s, c, m, provider, model)
}

func byOrganization(s *control.State, c *control.Caller, m Modality, provider, model string) bool {
	return c.Org.AccessListId == "" || lets(find(s, c, c.Org.AccessListId), m, provider, model)
}

// find returns the list that is named, nil when it was deleted.
func find(s *control.State, c *control.Caller, id string) *schemas.AccessList {
	list, _ := control.Get[*schemas.AccessList](s, c.Org.OrgId, id)
	return list.Value
}

// lets tells whether a list lets a model be called; one that was deleted does not.
func lets(list *schemas.AccessList, m Modality, provider, model string) bool {
	if list == nil {
		return false
	}
	entries := [...][]string{Chat: list.Chat, Embedding: list.Embedding, Image: list.Image, Transcription: list.Transcription, Speech: list.Speech}[m]
	for _, entry := range entries {
		if matches(entry, provider, model) {
			return true
		}
	}
	return len(entries) == 0 && list.AutoApprove
}

// matches compares an entry, provider/model or provider/*. The star may end the
// beginning of a name, too.
func matches(entry, provider, model string) bool {
	n := len(provider)
	if len(entry) <= n || entry[n] != '/' || entry[:n] != provider {
		return false
	}
	if last := len(entry) - 1; entry[last] == '*' {
		return strings.HasPrefix(model, entry[n+1:last])
	}
	return entry[n+1:] == model
}
