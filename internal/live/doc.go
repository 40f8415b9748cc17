// Package live keeps what must be known at once, in Redis: spend of organisations
// and what they consist of, by day, week, month and lifetime; what open calls have
// reserved against budgets; and latency per model in the last hour. It is the only
// importer of go-redis; the scripts and every key name are here.
//
// Redis is a projection of the log and losable. Sums are written by the aggregator
// alone, one writer per Kafka partition, and kept apart by partition: a reader adds
// the partitions up. Reservations are made by gateways, through an Admission, and
// ended by the aggregator in the script that adds their usage to the sums, so that a
// call counts once at every moment.
//
// Guarantee: a batch of records changes a sum once, however often it is
// applied, since each scope (an organisation, or all latency) stores the last
// offset it holds of each partition and its script checks it. The position of a
// partition, stored under one key, says that Redis holds everything before that
// offset; a partition without one is incomplete, and its writer restores it
// from the log, under a new epoch: fields of other epochs are never read. Sums
// change by HINCRBY of whole pico-dollars only, never by arithmetic in Lua, which is
// exact only up to 2^53. No admission passes a limit: an organisation's guard, in its
// own slot, says in which life of Redis (a term) it was found whole, and the script
// that reserves admits nothing under another one.
//
// Sums belong to a rebuild generation, whose number is in every name, reservations
// do not. Which one is kept up stands under the key weir:generation, written again
// and again by the aggregators that serve it; Store.Serving reads it.
//
// Rate limits are kept here too: no projection of anything, of no generation, and
// simply unused again when Redis was lost.
//
// Concurrency: a Store and an Admission may be used by any number of goroutines;
// Deltas belong to one.
//
// Failure: every call is bounded by the caller's context and by the timeouts of
// the configuration and is not repeated by itself. A sum that would pass int64
// (9.2 million dollars in one partition) stays as it was, is reported, and does
// not hold up the others. While Redis is lost, claims are answered with Lost, and
// those that are open are kept until they are posted to the next term.
package live
