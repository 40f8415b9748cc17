package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/gateway/provider"
	"weir/internal/catalog"
)

// Models is the list of GET /v1/models: what the catalog knows of the
// configured providers. It is written once, since neither changes.
type Models struct {
	list      []byte
	byID      map[string][]byte
	catalog   *catalog.Catalog
	providers *provider.Set
}

// NewModels writes the list.
func NewModels(c *catalog.Catalog, providers *provider.Set) (*Models, error) {
	m := &Models{byID: make(map[string][]byte), catalog: c, providers: providers}
	all := make([]json.RawMessage, 0, 64)
	for _, name := range providers.Names() {
		p := providers.Get(name)
		known := c.Models(p.Vendor)
		if p.Vendor != p.Name {
			known = append(known, c.Models(p.Name)...)
		}
		for _, model := range known {
			text, err := describe(p, model)
			if err != nil {
				return nil, err
			}
			id := p.Name + "/" + own(model.ID)
			if m.byID[id] == nil {
				m.byID[id] = text
				all = append(all, text)
			}
		}
	}
	var err error
	m.list, err = json.Marshal(struct {
		Object string            `json:"object"`
		Data   []json.RawMessage `json:"data"`
	}{"list", all})
	if err != nil {
		return nil, fmt.Errorf("write the model list: %w", err)
	}
	return m, nil
}

// IDs are the listed models, in no order.
func (m *Models) IDs() []string { return slices.Collect(maps.Keys(m.byID)) }

// own is the model's name without the vendor.
func own(id string) string {
	_, name, _ := strings.Cut(id, "/")
	return name
}

// describe writes a model object under the name of the provider that has it.
func describe(p *provider.Provider, model catalog.Model) ([]byte, error) {
	model.ID, model.OwnedBy = p.Name+"/"+own(model.ID), p.Name
	text, err := json.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("write model %s: %w", model.ID, err)
	}
	return text, nil
}

// find returns the object of a model, listed or known by another of its names.
func (m *Models) find(id string) ([]byte, bool) {
	if text := m.byID[id]; text != nil {
		return text, true
	}
	target, e := m.providers.Resolve(id)
	if e != nil {
		return nil, false
	}
	if text := m.byID[target.Provider.Name+"/"+target.Model]; text != nil {
		return text, true
	}
	for _, vendor := range []string{target.Provider.Vendor, target.Provider.Name} {
		if model, ok := m.catalog.Model(vendor, target.Model); ok {
			text, err := describe(target.Provider, model)
			return text, err == nil
		}
	}
	return nil, false
}
