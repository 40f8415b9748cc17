// Package follow keeps the live sums in Redis behind the aggregator's rollups:
// it applies each batch that ClickHouse holds, and restores a partition from the
// log when Redis was lost or has missed something.
//
// Guarantee: once a partition has a position in Redis, its sums are those of the
// log before that position, each event counted once, whatever was killed,
// emptied or cut off in between. The rules (partition.go) are apart from all
// I/O.
//
// Concurrency: the consumer calls Assigned, Applied and Revoked; Run has a
// goroutine of its own, and each restore reads the log in another. Only who
// holds the write lock talks to Redis, and Applied never waits for it.
//
// Failure: Redis being away costs the consumer at most one timeout; from then on
// batches are added up in memory, to a bound, until Run finds Redis again. What
// does not fit is restored from the log. All of it shows in the metrics and as
// "degraded" in /readyz, and none of it reaches the consumer.
package follow
