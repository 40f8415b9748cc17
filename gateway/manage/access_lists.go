package manage

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/schemas"
)

// accessListOut says which models may be called, by modality.
type accessListOut struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	AutoApprove   bool     `json:"auto_approve" doc:"A modality without an entry is open"`
	Chat          []string `json:"chat" nullable:"false"`
	Embedding     []string `json:"embedding" nullable:"false"`
	Image         []string `json:"image" nullable:"false"`
	Transcription []string `json:"transcription" nullable:"false"`
	Speech        []string `json:"speech" nullable:"false"`
	Version       uint64   `json:"version"`
}

type accessListsOut struct {
	AccessLists []accessListOut `json:"access_lists" nullable:"false"`
}

func accessListOf(v control.Versioned[*schemas.AccessList]) accessListOut {
	l := v.Value
	all := func(entries []string) []string { return append([]string{}, entries...) }
	return accessListOut{l.AccessListId, l.Name, l.AutoApprove, all(l.Chat), all(l.Embedding), all(l.Image), all(l.Transcription), all(l.Speech), v.Version}
}

func accessListAnswer(v control.Versioned[*schemas.AccessList], err error) (*answer[accessListOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[accessListOut]{etag(v.Version), accessListOf(v)}, nil
}

const listTag, listName = "Access lists", "access list"

func (m *Management) registerAccessLists(api huma.API) {
	route(m, api, operation{"list-access-lists", http.MethodGet, "access-list", "All access lists", listTag, ""}, m.listAccessLists)
	route(m, api, operation{"create-access-list", http.MethodPost, "access-list", "A new access list", listTag,
		"An entry is provider/model or provider/*, for every region, or either with @region, for that one. It counts for the keys, groups and organisation that name it: a key's own first, then its group's, then the organisation's."}, m.createAccessList)
	route(m, api, operation{"get-access-list", http.MethodGet, "access-list/{id}", "One access list", listTag, ""}, m.getAccessList)
	route(m, api, operation{"update-access-list", http.MethodPatch, "access-list/{id}", "Changes the fields that are given", listTag, ""}, m.updateAccessList)
	route(m, api, operation{"delete-access-list", http.MethodDelete, "access-list/{id}", "Ends one that nothing names any more", listTag, ""}, m.deleteAccessList)
}

func (m *Management) listAccessLists(_ context.Context, c *call, _ *Scoped) (*list[accessListsOut], error) {
	out := accessListsOut{AccessLists: []accessListOut{}}
	for _, v := range control.List[*schemas.AccessList](m.State, c.org) {
		out.AccessLists = append(out.AccessLists, accessListOf(v))
	}
	return &list[accessListsOut]{out}, nil
}

func (m *Management) getAccessList(_ context.Context, c *call, in *ByID) (*answer[accessListOut], error) {
	return accessListAnswer(find[*schemas.AccessList](m, c, in.ID, listName))
}

// accessListFields are what a request may say of a list; nil leaves what there is.
type accessListFields struct {
	Name          *string   `json:"name,omitempty" maxLength:"256"`
	AutoApprove   *bool     `json:"auto_approve,omitempty" doc:"A modality without an entry is open"`
	Chat          *[]string `json:"chat,omitempty" nullable:"false"`
	Embedding     *[]string `json:"embedding,omitempty" nullable:"false"`
	Image         *[]string `json:"image,omitempty" nullable:"false"`
	Transcription *[]string `json:"transcription,omitempty" nullable:"false"`
	Speech        *[]string `json:"speech,omitempty" nullable:"false"`
}

type accessListIn struct {
	Scoped
	Creating
	Body accessListFields `nameHint:"AccessListFields"`
}

type accessListPatchIn struct {
	ByID
	Writing
	Body accessListFields `nameHint:"AccessListFields"`
}

func fillAccessList(l *schemas.AccessList, f *accessListFields) error {
	if f.Name != nil {
		l.Name = *f.Name
	}
	if e := checkText("name", l.Name, maxName); e != nil {
		return e
	}
	if f.AutoApprove != nil {
		l.AutoApprove = *f.AutoApprove
	}
	for _, modality := range []struct {
		name string
		in   *[]string
		to   *[]string
	}{{"chat", f.Chat, &l.Chat}, {"embedding", f.Embedding, &l.Embedding}, {"image", f.Image, &l.Image},
		{"transcription", f.Transcription, &l.Transcription}, {"speech", f.Speech, &l.Speech}} {
		if modality.in == nil {
			continue
		}
		if e := checkModels(modality.name, *modality.in); e != nil {
			return e
		}
		*modality.to = *modality.in
	}
	return nil
}

// checkModels refuses entries that no model could match.
func checkModels(field string, entries []string) *apierror.Error {
	if len(entries) > maxModels {
		return apierror.Invalid(field, fmt.Sprintf("%s has %d entries; at most %d are allowed. Name a whole provider as provider/*.", field, len(entries), maxModels))
	}
	for i, entry := range entries {
		at := fmt.Sprintf("%s[%d]", field, i)
		if e := checkText(at, entry, maxName); e != nil {
			return e
		}
		name, model, ok := strings.Cut(entry, "/")
		model, _ = provider.SplitRegion(model)
		if !ok || name == "" || model == "" || strings.Contains(name, "*") || model != "*" && strings.Contains(model, "*") {
			return apierror.Invalid(at, at+" is not of the form provider/model or provider/*, with @region or without.")
		}
	}
	return nil
}

func (m *Management) createAccessList(ctx context.Context, c *call, in *accessListIn) (*answer[accessListOut], error) {
	return accessListAnswer(create(ctx, m, c, listName, func(id string) (*schemas.AccessList, error) {
		l := &schemas.AccessList{AccessListId: id, OrgId: c.org}
		return l, fillAccessList(l, &in.Body)
	}))
}

func (m *Management) updateAccessList(ctx context.Context, c *call, in *accessListPatchIn) (*answer[accessListOut], error) {
	return accessListAnswer(update(ctx, m, c, in.ID, listName, func(l *schemas.AccessList) error { return fillAccessList(l, &in.Body) }))
}

// deleteAccessList keeps a list that something names: what it bounds would be open.
func (m *Management) deleteAccessList(ctx context.Context, c *call, in *deletion) (*list[gone], error) {
	err := remove(ctx, m, c, in.ID, listName, func(l *schemas.AccessList) error {
		if user := m.userOfList(c, l.AccessListId); user != "" {
			return apierror.New(apierror.Conflict, "The access list is in use by "+user+". Give that another list, or none, first.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return deleted(in.ID), nil
}

// userOfList returns something that names the list, "" when nothing does.
func (m *Management) userOfList(c *call, id string) string {
	if org, _ := control.Get[*schemas.Organization](m.State, c.org, c.org); org.Value.GetAccessListId() == id {
		return "the organisation"
	}
	for _, g := range control.List[*schemas.Group](m.State, c.org) {
		if g.Value.AccessListId == id {
			return "the group " + g.Value.GroupId
		}
	}
	for _, k := range control.List[*schemas.ApiKey](m.State, c.org) {
		if k.Value.AccessListId == id {
			return "the API key " + k.Value.KeyId
		}
	}
	return ""
}
