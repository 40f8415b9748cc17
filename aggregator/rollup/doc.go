// Package rollup turns usage events into the rows of the rollup table: one row
// per series (dimension, its value, and what is grouped by) in the minute, the
// hour and the day. Rows are partial sums that ClickHouse merges.
//
// Guarantee: the rows of a batch depend on its records and their order alone,
// not on the order of any map, so that a repeat inserts the same bytes. Every
// event counts in full in exactly one key row, one user row ("" when it names
// no user) and one row of each of its distinct tags, so the sums over keys and
// over users agree to the last digit.
//
// Concurrency: a Sink may be used by several goroutines, a Batch by one.
//
// Failure: an event that cannot be decoded changes nothing. A batch is sealed by
// its first insert; it is an error of the program to add to it afterwards.
package rollup
