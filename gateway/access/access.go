// Package access decides which models a caller may call and in which regions, by the
// access lists and the pins of the control state.
//
// Guarantee: the list that holds is the key's; where it has none, its group's, or
// those of all the groups that its member is in, united, when the key is in no
// group; where there is none either, the organisation's; else everything may be
// called. A list that is named and was deleted, as can be when both happen at once,
// lets nothing through: what it was to bound must not be open. A call reaches the
// regions that both the key and the organisation are pinned to.
//
// Concurrency: pure functions over the control state. Failure: none; what no entry
// names is not allowed.
package access

import (
	"slices"
	"strings"

	"weir/gateway/provider"
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

// Regions are those that the caller's calls may reach: the key's, of those that its
// organisation may reach, in the key's order. pinned is false for anywhere; pinned to
// no region is nowhere.
func Regions(c *control.Caller) (regions []string, pinned bool) {
	key, org := c.Key.Regions, c.Org.Regions
	switch {
	case len(key) == 0:
		return org, len(org) > 0
	case len(org) == 0:
		return key, true
	}
	for _, region := range key {
		if slices.Contains(org, region) {
			regions = append(regions, region)
		}
	}
	return regions, true
}

// Asked is what somebody asks to call.
type Asked struct {
	Makes           Modality
	Provider, Model string // as the provider is asked for it, without a region
	// In tells whether an entry for a region is for this call.
	In func(region string) bool
}

// Allowed tells whether the caller may call what is asked for.
func Allowed(s *control.State, c *control.Caller, a *Asked) bool {
	switch {
	case c.Key.AccessListId == "" && c.Org.AccessListId == "" && c.Group == nil && len(c.MemberGroups) == 0:
		return true // nobody has a list: nothing is looked up
	case c.Key.AccessListId != "":
		return lets(find(s, c, c.Key.AccessListId), a)
	}
	if c.Group != nil {
		return byGroup(s, c, c.Group, a)
	}
	for _, g := range c.MemberGroups {
		if byGroup(s, c, g, a) {
			return true
		}
	}
	return len(c.MemberGroups) == 0 && byOrganization(s, c, a)
}

// byGroup asks the group's list, or the organisation's where it has none.
func byGroup(s *control.State, c *control.Caller, g *schemas.Group, a *Asked) bool {
	if g.AccessListId != "" {
		return lets(find(s, c, g.AccessListId), a)
	}
	return byOrganization(s, c, a)
}

func byOrganization(s *control.State, c *control.Caller, a *Asked) bool {
	return c.Org.AccessListId == "" || lets(find(s, c, c.Org.AccessListId), a)
}

// find returns the list that is named, nil when it was deleted.
func find(s *control.State, c *control.Caller, id string) *schemas.AccessList {
	list, _ := control.Get[*schemas.AccessList](s, c.Org.OrgId, id)
	return list.Value
}

// lets tells whether a list lets a model be called; one that was deleted does not.
func lets(list *schemas.AccessList, a *Asked) bool {
	if list == nil {
		return false
	}
	entries := [...][]string{Chat: list.Chat, Embedding: list.Embedding, Image: list.Image, Transcription: list.Transcription, Speech: list.Speech}[a.Makes]
	for _, entry := range entries {
		if a.matches(entry) {
			return true
		}
	}
	return len(entries) == 0 && list.AutoApprove
}

// matches compares an entry, provider/model or provider/*, which ends in @region where
// it is for that one only. The star may end the beginning of a name, too.
func (a *Asked) matches(entry string) bool {
	n := len(a.Provider)
	if len(entry) <= n || entry[n] != '/' || entry[:n] != a.Provider {
		return false
	}
	name, region := provider.SplitRegion(entry[n+1:])
	if region != "" && !a.In(region) {
		return false
	}
	if beginning, ok := strings.CutSuffix(name, "*"); ok {
		return strings.HasPrefix(a.Model, beginning)
	}
	return name == a.Model
}
