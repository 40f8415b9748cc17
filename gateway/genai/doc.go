// Package genai is what all wire formats of language models have in common: one
// request, one answer and one stream of events, richer than each of the formats,
// so that any client reaches any model. It also holds the one table of what a
// protocol cannot do, see Fit.
//
// Guarantee: what a format says and another one can say survives the way through
// these types, order included; what the other one cannot say is refused or dropped
// with a warning by the table, never silently.
//
// Concurrency: values that belong to their call. Failure: Fit returns an apierror
// that names the client's field.
package genai
