package clickhouse

import (
	"maps"
	"slices"

	"weir/schemas"
)

// UsageBlock is rows of the table usage.
//
// Times are Decimal(18, 3) milliseconds: the event's microseconds as they are,
// so nothing is converted and nothing rounded. Counts are signed, as in the
// event, so that no value that decodes can be refused: what the ledger was told
// is what it shows.
type UsageBlock struct {
	facts
	dimensions
	tokens
	model, provider, region, serviceTier    names
	byok                                    flags
	cache                                   names
	shadow                                  flags
	status                                  numbers[int32]
	errorKind                               names
	units                                   mapping[*names, *numbers[int64]]
	estimated, priceUnknown, tokensRejected flags
	cost, saved                             money
	latency, ttft                           numbers[int64]
	attempts                                numbers[int32]
	priceVersion                            names
}

// NewUsageBlock returns an empty block.
func NewUsageBlock() *UsageBlock {
	b := new(UsageBlock)
	b.units.keys, b.units.values = new(names), new(numbers[int64])
	b.define("usage", slices.Concat(b.dimensions.fields(), b.tokens.fields(), []field{
		{"model", typeName, &b.model},
		{"provider", typeName, &b.provider},
		{"region", typeName, &b.region},
		{"service_tier", typeName, &b.serviceTier},
		{"byok", "Bool", &b.byok},
		{"cache", typeName, &b.cache},
		{"shadow", "Bool", &b.shadow},
		{"status", "Int32", &b.status},
		{"error_kind", typeName, &b.errorKind},
		{"units", "Map(LowCardinality(String), Int64)", &b.units},
		{"estimated", "Bool", &b.estimated},
		{"price_unknown", "Bool", &b.priceUnknown},
		{"tokens_rejected", "Bool", &b.tokensRejected},
		{"cost_usd", typeMoney, &b.cost},
		{"saved_usd", typeMoney, &b.saved},
		{"latency_ms", typeMS, &b.latency},
		{"ttft_ms", typeMS, &b.ttft},
		{"attempts", "Int32", &b.attempts},
		{"price_version", typeName, &b.priceVersion},
	}))
	return b
}

func (b *UsageBlock) empty() FactBlock { return NewUsageBlock() }

// Append adds the row of an event.
func (b *UsageBlock) Append(o Origin, e *schemas.UsageRecorded) {
	b.facts.add(o, e)
	b.dimensions.add(e.GetDimensions())
	b.tokens.add(e.GetTokens())
	b.model.add(e.GetModel())
	b.provider.add(e.GetProvider())
	b.region.add(e.GetRegion())
	b.serviceTier.add(e.GetServiceTier())
	b.byok.add(e.GetByok())
	b.cache.add(e.GetCache())
	b.shadow.add(e.GetShadow())
	b.status.add(e.GetStatus())
	b.errorKind.add(e.GetErrorKind())
	if units := e.GetUnits(); len(units) > 0 {
		for _, name := range slices.Sorted(maps.Keys(units)) {
			b.units.keys.add(name)
			b.units.values.add(units[name])
		}
	}
	b.units.end()
	b.estimated.add(e.GetEstimated())
	b.priceUnknown.add(e.GetPriceUnknown())
	b.tokensRejected.add(e.GetTokensRejected())
	b.cost.add(e.GetCostPico())
	b.saved.add(e.GetSavedPico())
	b.latency.add(e.GetLatencyUs())
	b.ttft.add(e.GetTtftUs())
	b.attempts.add(e.GetAttempts())
	b.priceVersion.add(e.GetPriceVersion())
}
