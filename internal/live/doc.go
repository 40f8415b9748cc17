// Package live keeps what must be known at once, in Redis: spend per
// organisation, key, user and tag in the open day and month, and latency per
// model in the last hour. It is the only importer of go-redis; the scripts and
// every key name are here.
//
// Redis is a projection of weir.usage and losable. The aggregator alone writes,
// one writer per Kafka partition, and every sum is kept apart by Kafka
// partition: a reader adds the partitions up.
//
// Guarantee: a batch of records changes a sum once, however often it is
// applied, since each scope (an organisation, or all latency) stores the last
// offset it holds of each partition and its script checks it. The position of a
// partition, stored under one key, says that Redis holds everything before that
// offset; a partition without one is incomplete, and its writer restores it
// from the log, under a new epoch: fields of other epochs are never read. Sums
// change by HINCRBY of whole pico-dollars only, never by arithmetic in Lua,
// which is exact only up to 2^53.
//
// Sums belong to a rebuild generation, whose number is in every name. Which one
// is kept up stands under the key weir:generation, written again and again by the
// aggregators that serve it; Store.Serving reads it.
//
// Rate limits are kept here too: no projection of anything, of no generation, and
// simply unused again when Redis was lost.
//
// Concurrency: a Store may be used by any number of goroutines; Deltas belong
// to one.
//
// Failure: every call is bounded by the caller's context and by the timeouts of
// the configuration and is not repeated by itself. A sum that would pass int64
// (9.2 million dollars in one partition) stays as it was, is reported, and does
// not hold up the others.
package live
