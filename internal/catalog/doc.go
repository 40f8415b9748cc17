// Package catalog knows models, what they can do and what they cost.
//
// Prices and match rules come from genai-prices, limits and abilities from
// catwalk; both are compiled in as prices.json, which `go generate` writes from
// pinned versions. Configuration adds models and overrides prices. A cost is
// exact integer arithmetic on decimal prices and is rounded half-even once
// (schemas.Line); no float takes part.
//
// Token kinds (schemas.Tokens) are disjoint. Units are everything else that a
// price may be put on, by genai-prices' names. A unit that counts tokens
// (input_audio_tokens, cache_write_1h_tokens) says how many of the tokens that
// the kinds already hold are of that sort; those are billed at the unit's price
// instead of the kind's, and at the kind's where the model has none. So nothing
// is counted twice, and leaving a unit out changes a price, never a count.
//
// What vendors bill or do not bound beyond their lists of prices (service tiers,
// searches, reasoning) is a table of its own, terms_table.go. PriceIn and Dearest read the
// same prices, so that a call's cost is within its bound.
//
// A Catalog does not change after New and may be used from any goroutine. An
// unknown model is an answer (false), not an error; the caller records the call
// as price_unknown.
package catalog

//go:generate go run -C ../../tools/catalog . -out ../../internal/catalog
