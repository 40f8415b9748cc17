// Package wire is what the pipeline knows of wire formats: a Format is spoken by
// clients, a Protocol by providers, and each is a package below this one. Where
// both are the same, bytes pass through and are edited in place; all else is
// translated, event by event, through package genai.
//
// Guarantee: a call is read once, and its bounds, metadata and model are what the
// provider will read, too. A stream is written as it comes; what ends it is
// withheld until the ledger has the call.
//
// Concurrency: Formats and Protocols are stateless; all that they make belongs to
// one call. Failure: apierrors; malformed input never panics.
package wire
