// Package usage is the question and the answer of the management API's usage
// calls: what an organisation or one of its keys has called and spent, period by
// period, in groups. It knows neither HTTP nor ClickHouse: clickhouse.DB answers,
// and the gateway asks.
//
// Guarantee: a query that Parse or Validate accepts is answered for exactly
// [Start, End), to the last digit of every sum; every period of it is in the
// answer, with zeros where nothing was called. Money is decimal text.
//
// Concurrency: plain values; a Query and an Answer belong to one goroutine.
//
// Failure: what a caller got wrong is a FieldError that names the parameter and
// the remedy.
package usage
