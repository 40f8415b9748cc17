// Package metering turns what a provider reported into the ledger's tokens and
// their cost, and counts tokens itself where a provider reported none.
//
// Guarantee: token kinds are disjoint and never negative, none is counted
// twice; money is the catalog's integer arithmetic. A tokenizer is used only
// when it is asked for, on a bounded share of the CPU.
//
// Concurrency: a Meter may be used from any goroutine. Failure: counts that
// cannot be are set to zero and flagged, a model without a price costs nothing
// and is flagged.
package metering

import (
	"errors"
	"log/slog"
	"time"

	"weir/gateway/genai"
	"weir/internal/catalog"
	"weir/schemas"
)

// MaxTokens is the largest count that is believed.
const MaxTokens = 1_000_000_000

// Units beside the token kinds, by the catalog's names.
const (
	UnitWrittenHour = "cache_write_1h_tokens"
	UnitInputAudio  = "input_audio_tokens"
	UnitOutputAudio = "output_audio_tokens"
	UnitInputImage  = "input_image_tokens"
	UnitOutputImage = "output_image_tokens"
	UnitSeconds     = "input_audio_seconds"
	UnitSearches    = "web_searches"
	UnitSources     = "search_sources"
)

// Line is what a call used and costs.
type Line struct {
	Tokens       *schemas.Tokens
	Units        map[string]int64
	Estimated    bool
	Rejected     bool // some count was garbage and is 0 here
	PriceUnknown bool
	PriceVersion string
	Cost         schemas.Pico
	Saved        schemas.Pico
}

// Meter prices usage.
type Meter struct {
	catalog *catalog.Catalog
	log     *slog.Logger
}

// New returns a meter with the catalog's prices.
func New(c *catalog.Catalog, log *slog.Logger) *Meter { return &Meter{c, log} }

// Priced is the provider under whose name the catalog prices a model: the vendor,
// or the provider's own name where the vendor's has no price.
func Priced(c *catalog.Catalog, vendor, name, model string) string {
	if name == vendor || c.Priced(vendor, model) {
		return vendor
	}
	return name
}

// MaxOutput is the most output tokens of a model, 0 when it is not known.
func (m *Meter) MaxOutput(vendor, name, model string) int64 {
	_, most := m.catalog.Window(Priced(m.catalog, vendor, name, model), model)
	return most
}

// Measure prices what was reported for a model at a moment, in the service tier
// that the answer named. A model that searches once for every answer reports none.
func (m *Meter) Measure(vendor, name, model, tier string, at time.Time, u genai.Usage) Line {
	l := Line{}
	l.Tokens, l.Rejected = Disjoint(u)
	provider := Priced(m.catalog, vendor, name, model)
	if searches := m.catalog.Searches(provider, model); searches > 0 && u.Searches == 0 && u.Completion > 0 {
		u.Searches = int64(searches)
	}
	count := func(unit string, n, within int64) {
		switch {
		case n < 0 || n > MaxTokens:
			l.Rejected = true
		case n > 0 && n <= within:
			if l.Units == nil {
				l.Units = make(map[string]int64, 2)
			}
			l.Units[unit] = n
		}
	}
	input, output := l.Tokens.Input+l.Tokens.CachedInput+l.Tokens.CacheWrite, l.Tokens.Output+l.Tokens.Reasoning
	count(UnitWrittenHour, u.WrittenHour, l.Tokens.CacheWrite)
	count(UnitInputAudio, u.InputAudio, input)
	count(UnitOutputAudio, u.OutputAudio, output)
	count(UnitInputImage, u.InputImage, input)
	count(UnitOutputImage, u.OutputImage, output)
	count(UnitSeconds, u.Seconds, MaxTokens)
	count(UnitSearches, u.Searches, MaxTokens)
	count(UnitSources, u.Sources, MaxTokens)
	price, ok := m.catalog.PriceIn(provider, model, tier, at)
	if !ok {
		l.PriceUnknown = true
		return l
	}
	l.PriceVersion = price.Version
	var err error
	l.Cost, l.Saved, err = price.Cost(l.Tokens, l.Units)
	if contradiction := (*catalog.UnitsError)(nil); err != nil && !errors.As(err, &contradiction) {
		// Not reached with counts within MaxTokens and any real price.
		m.log.Error("price a call", "provider", vendor, "model", model, "error", err)
		l.Cost, l.Saved, l.PriceUnknown = 0, 0, true
	}
	return l
}

// Disjoint splits what a provider reported into kinds that add up: input is
// what was neither read from nor written to a cache, output what is not
// reasoning. rejected says that a count was below 0 or above MaxTokens.
func Disjoint(u genai.Usage) (t *schemas.Tokens, rejected bool) {
	for _, n := range [...]*int64{&u.Prompt, &u.Completion, &u.Cached, &u.Written, &u.Reasoning} {
		if *n < 0 || *n > MaxTokens {
			*n, rejected = 0, true
		}
	}
	t = &schemas.Tokens{
		Input:       max(0, u.Prompt-u.Cached-u.Written),
		CachedInput: u.Cached,
		CacheWrite:  u.Written,
		Output:      max(0, u.Completion-u.Reasoning),
		Reasoning:   u.Reasoning,
	}
	if u.Reasoning > 0 && u.Total == u.Prompt+u.Completion+u.Reasoning {
		t.Output = u.Completion // xAI counts reasoning beside the completion
	}
	return t, rejected
}
