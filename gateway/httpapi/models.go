package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/gateway/access"
	"weir/gateway/provider"
	"weir/internal/catalog"
)

// Models is the list of GET /v1/models: what the catalog knows of the
// configured providers. It is written once, since neither changes.
type Models struct {
	all       []listed // in the order of the list
	list      []byte   // of all
	byID      map[string]listed
	catalog   *catalog.Catalog
	providers *provider.Set
}

// listed is one model with what access lists tell it by.
type listed struct {
	provider *provider.Provider
	model    string
	makes    access.Modality
	text     []byte
}

// Allows tells whether somebody may call a model, in some region.
type Allows func(m access.Modality, at *provider.Provider, model string) bool

// NewModels writes the list.
func NewModels(c *catalog.Catalog, providers *provider.Set) (*Models, error) {
	m := &Models{byID: make(map[string]listed), catalog: c, providers: providers}
	for _, name := range providers.Names() {
		p := providers.Get(name)
		known := c.Models(p.Vendor)
		if p.Vendor != p.Name {
			known = append(known, c.Models(p.Name)...)
		}
		for _, model := range known {
			l, err := describe(p, model)
			if err != nil {
				return nil, err
			}
			id := p.Name + "/" + l.model
			if _, ok := m.byID[id]; !ok {
				m.byID[id] = l
				m.all = append(m.all, l)
			}
		}
	}
	m.list = m.write(func(access.Modality, *provider.Provider, string) bool { return true })
	return m, nil
}

// write writes the list of what may be called.
func (m *Models) write(may Allows) []byte {
	b := []byte(`{"object":"list","data":[`)
	for i, first := 0, true; i < len(m.all); i++ {
		l := &m.all[i]
		if !may(l.makes, l.provider, l.model) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		b, first = append(b, l.text...), false
	}
	return append(b, "]}"...)
}

// IDs are the listed models, in no order.
func (m *Models) IDs() []string { return slices.Collect(maps.Keys(m.byID)) }

// own is the model's name without the vendor.
func own(id string) string {
	_, name, _ := strings.Cut(id, "/")
	return name
}

// describe writes a model object under the name of the provider that has it.
func describe(p *provider.Provider, model catalog.Model) (listed, error) {
	l := listed{provider: p, model: own(model.ID), makes: access.ModalityOf(model.API)}
	model.ID, model.OwnedBy = p.Name+"/"+l.model, p.Name
	var err error
	if l.text, err = json.Marshal(model); err != nil {
		return l, fmt.Errorf("write model %s: %w", model.ID, err)
	}
	return l, nil
}

// find returns the object of a model, listed or known by another of its names.
func (m *Models) find(id string) (listed, bool) {
	if l, ok := m.byID[id]; ok {
		return l, true
	}
	target, e := m.providers.Resolve(id)
	if e != nil {
		return listed{}, false
	}
	if l, ok := m.byID[target.Provider.Name+"/"+target.Model]; ok {
		return l, true
	}
	for _, vendor := range []string{target.Provider.Vendor, target.Provider.Name} {
		if model, ok := m.catalog.Model(vendor, target.Model); ok {
			l, err := describe(target.Provider, model)
			return l, err == nil
		}
	}
	return listed{}, false
}
