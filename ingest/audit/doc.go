// Package audit shows that the log, the fact tables and the rollups agree, and
// mends the fact tables from the log.
//
// What is compared, each on a running system:
//
//   - The log with itself: its offsets have no gaps, and the numbers of each
//     node have none up to the one that Kafka has provably acknowledged.
//   - The log with the fact tables: below the offset that ingest has committed,
//     every event is a row or a dead record, once, and nothing else is there.
//   - The fact tables by themselves: the numbers of each node, over all three
//     ledger tables, have no holes and no repeats.
//   - The calls: each request has one outcome and one usage.
//   - The fact tables with each rollup, by bucket of time and Kafka partition.
//
// Guarantee: a finding is a fact and not a race. What is still on its way is
// not judged: places are read in an order that makes everything below them
// final, and nothing is waited for. What nothing mends may be acknowledged: it is
// then told apart, and never more of it than the very offsets, seqs or request
// ids that were acknowledged.
//
// Cost: the log is read once. What was read is kept as sums of 65,536 offsets in
// audit_segments, and the next audit reads what came since; Full reads all of
// it again, and is the one that finds a record that vanished from an old part
// of the log. The tables are read whole every time, by one thread.
//
// Concurrency: any number of audits may run; one repair at a time does.
//
// Failure: Kafka or ClickHouse away is an error, and no result.
package audit
