package provider

import (
	"fmt"
	"strings"

	"weir/gateway/apierror"
)

// Set is the providers that a gateway knows.
type Set struct {
	byName   map[string]*Provider
	names    []string // in the order of the configuration
	fallback *Provider
}

// NewSet builds all providers. defaultName, "" for none, resolves a model that
// names no provider. An error names the provider and the field.
func NewSet(configs []Config, defaultName string, getenv func(string) string) (*Set, error) {
	s := &Set{byName: make(map[string]*Provider, len(configs))}
	for i, c := range configs {
		p, err := New(c, getenv)
		if err != nil {
			return nil, fmt.Errorf("gateway.providers[%d]: %w", i, err)
		}
		if s.byName[p.Name] != nil {
			return nil, fmt.Errorf("gateway.providers[%d]: name %q is used twice", i, p.Name)
		}
		s.byName[p.Name] = p
		s.names = append(s.names, p.Name)
	}
	if defaultName != "" {
		if s.fallback = s.byName[defaultName]; s.fallback == nil {
			return nil, fmt.Errorf("gateway.default_provider %q is not one of gateway.providers", defaultName)
		}
	}
	return s, nil
}

// Names lists the providers in the order of the configuration.
func (s *Set) Names() []string { return s.names }

// Get returns a provider by name, nil when there is none.
func (s *Set) Get(name string) *Provider { return s.byName[name] }

// Target is where a model's name leads.
type Target struct {
	Provider *Provider
	Model    string // the provider's own name
	Region   string // where it is called, "" when that is not known
	Named    bool   // the client said so
}

// Resolve reads provider/model[@region], or a bare name where the configuration
// has a default provider. A provider that is known takes any model: whether it
// has it is its own answer. Without a region it is the provider's own.
func (s *Set) Resolve(name string) (Target, *apierror.Error) {
	prefix, model, found := strings.Cut(name, "/")
	var p *Provider
	switch {
	case found && prefix == Policy:
		return Target{}, apierror.New(apierror.UnknownPolicy, fmt.Sprintf("The policy %q does not exist.", model))
	case found:
		if p = s.byName[prefix]; p == nil {
			return Target{}, apierror.New(apierror.UnknownProvider, fmt.Sprintf("The provider %q does not exist. Models are named provider/model.", prefix))
		}
	default:
		if p, model = s.fallback, name; p == nil {
			return Target{}, apierror.New(apierror.UnknownModel, fmt.Sprintf("The model %q names no provider. Models are named provider/model.", name))
		}
	}
	model, region := SplitRegion(model)
	if model == "" || model == "." || model == ".." { // in a path these two are no names
		return Target{}, apierror.New(apierror.UnknownModel, fmt.Sprintf("%q names no model. Models are named provider/model.", name))
	}
	named := region != ""
	if !named {
		region = p.endpoint.region
	} else if !p.Has(region) {
		return Target{}, apierror.New(apierror.UnknownModel, fmt.Sprintf("The provider %q is not in the region %q.", p.Name, region))
	}
	return Target{p, model, region, named}, nil
}

// Home is where a model of the provider is called that no region is named for.
func (p *Provider) Home(model string) Target {
	return Target{Provider: p, Model: model, Region: p.endpoint.region}
}

// Has tells whether the provider is in a region.
func (p *Provider) Has(region string) bool { return p.endpoint.has(region) }

// SplitRegion takes @region from the end of a model's name. What begins with a
// digit or holds a slash is part of the name (claude@20240620, @cf/llama).
func SplitRegion(model string) (name, region string) {
	at := strings.LastIndexByte(model, '@')
	if at <= 0 || at == len(model)-1 {
		return model, ""
	}
	region = model[at+1:]
	if !IsRegion(region) {
		return model, ""
	}
	return model[:at], region
}
