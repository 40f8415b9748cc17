package catalog

import (
	"cmp"
	"slices"
	"strings"

	"weir/schemas"
)

// Model is the model object of GET /v1/models: OpenAI's fields and the wire
// contract's. Prices are USD per token, exact, those of a request below every
// threshold at this moment. What nobody stated is left out rather than claimed.
type Model struct {
	ID      string `json:"id"` // provider/model
	Object  string `json:"object"`
	Created int64  `json:"created"` // seconds since the Unix epoch; 0 is not known
	OwnedBy string `json:"owned_by"`

	API             string `json:"api"` // chat, embedding, image, transcription, speech, …
	ContextWindow   int64  `json:"context_window,omitzero"`
	MaxOutputTokens int64  `json:"max_output_tokens,omitzero"`

	InputPrice   schemas.Price `json:"input_price,omitzero"`
	OutputPrice  schemas.Price `json:"output_price,omitzero"`
	CachedPrice  schemas.Price `json:"cached_price,omitzero"`
	CachingPrice schemas.Price `json:"caching_price,omitzero"`

	SupportsVision           *bool `json:"supports_vision,omitempty"`
	SupportsToolCalling      *bool `json:"supports_tool_calling,omitempty"`
	SupportsReasoning        *bool `json:"supports_reasoning,omitempty"`
	SupportsCaching          *bool `json:"supports_caching,omitempty"`
	SupportsComputerUse      *bool `json:"supports_computer_use,omitempty"`
	SupportsWebSearch        *bool `json:"supports_web_search,omitempty"`
	SupportsImageGeneration  *bool `json:"supports_image_generation,omitempty"`
	SupportsOutputJSONObject *bool `json:"supports_output_json_object,omitempty"`
	SupportsOutputJSONSchema *bool `json:"supports_output_json_schema,omitempty"`
	SupportsRoleDeveloper    *bool `json:"supports_role_developer,omitempty"`

	Geolocation       string `json:"geolocation,omitempty"`
	Description       string `json:"description,omitempty"`
	PrivacyComments   string `json:"privacy_comments,omitempty"`
	DataRetention     *bool  `json:"data_retention,omitempty"`
	DataRetentionDays int    `json:"data_retention_days,omitzero"`
}

// abilities are the names that ModelConfig.Supports takes.
var abilities = []string{
	"vision", "tool_calling", "reasoning", "caching", "computer_use", "web_search",
	"image_generation", "output_json_object", "output_json_schema", "role_developer",
}

// ability returns the field for a name of abilities, or nil.
func (m *Model) ability(name string) **bool {
	switch name {
	case "vision":
		return &m.SupportsVision
	case "tool_calling":
		return &m.SupportsToolCalling
	case "reasoning":
		return &m.SupportsReasoning
	case "caching":
		return &m.SupportsCaching
	case "computer_use":
		return &m.SupportsComputerUse
	case "web_search":
		return &m.SupportsWebSearch
	case "image_generation":
		return &m.SupportsImageGeneration
	case "output_json_object":
		return &m.SupportsOutputJSONObject
	case "output_json_schema":
		return &m.SupportsOutputJSONSchema
	case "role_developer":
		return &m.SupportsRoleDeveloper
	}
	return nil
}

// Models lists what can be called at provider, by id: what the catalog has and
// what the configuration adds; for a provider that the catalog does not know,
// the latter alone. The list is the caller's own.
func (c *Catalog) Models(provider string) []Model {
	var names []string
	if known := c.providers[provider]; known != nil {
		names = append(names, known.listed...)
		if o := c.overrides[known.name]; o != nil && known.name != provider {
			names = append(names, o.listed...)
		}
	}
	if o := c.overrides[provider]; o != nil {
		names = append(names, o.listed...)
	}
	list := make([]Model, 0, len(names))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		lower := strings.ToLower(name)
		if seen[lower] {
			continue
		}
		seen[lower] = true
		if r := c.search(provider, lower); r != nil {
			list = append(list, c.describe(r, provider, name))
		}
	}
	slices.SortFunc(list, func(a, b Model) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Model describes one model, listed or not; false when Price would be.
func (c *Catalog) Model(provider, model string) (Model, bool) {
	r := c.resolve(provider, model)
	if r == nil {
		return Model{}, false
	}
	return c.describe(r, provider, model), true
}

func (c *Catalog) describe(r *resolution, provider, model string) Model {
	m := Model{ID: provider + "/" + model, Object: "model", OwnedBy: provider, API: "chat"}
	if r.entry != nil {
		m.API = cmp.Or(r.entry.source.API, m.API)
		m.Description = r.entry.source.About
		m.ContextWindow, m.MaxOutputTokens = r.metadata.Window, r.metadata.MaxOutput
		m.SupportsVision, m.SupportsReasoning = r.metadata.Vision, r.metadata.Reasoning
	}
	if len(r.prices) > 0 {
		m.setPrices(&current(r.prices, c.now()).tiers[0])
	}
	if o := r.override; o != nil {
		o.describe(&m)
	}
	return m
}

// setPrices fills the prices and what follows from there being one.
func (m *Model) setPrices(rate *tier) {
	m.InputPrice, m.OutputPrice = rate.input, rate.output
	m.CachedPrice, m.CachingPrice = rate.listCached, rate.listWrite
	yes, caching := true, !rate.listCached.IsZero()
	m.SupportsCaching = &caching
	for _, u := range rate.units {
		switch u.name {
		case webSearches:
			m.SupportsWebSearch = &yes
		case "output_image_tokens":
			m.SupportsImageGeneration = &yes
		}
	}
}

func (o *override) describe(m *Model) {
	m.API = cmp.Or(o.API, m.API)
	m.ContextWindow = cmp.Or(o.ContextWindow, m.ContextWindow)
	m.MaxOutputTokens = cmp.Or(o.MaxOutputTokens, m.MaxOutputTokens)
	m.Description = cmp.Or(o.Description, m.Description)
	m.Geolocation, m.PrivacyComments = o.Geolocation, o.PrivacyComments
	if o.DataRetention != "" {
		retained := o.DataRetention == "yes"
		m.DataRetention = &retained
	}
	m.DataRetentionDays = o.DataRetentionDays
	if len(o.Supports) == 0 {
		return
	}
	for _, name := range abilities {
		can := slices.Contains(o.Supports, name)
		*m.ability(name) = &can
	}
}
