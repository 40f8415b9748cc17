// Package events measures what Weir's readers of the log cost for each million of usage events, how fast
// they catch up, how much memory that takes, how large a row is, and how long an answered call takes to
// become a row. It runs a stack of its own and writes the events into its Kafka as a gateway would,
// without one, so that nothing but the readers is measured.
//
// ClickHouse's own Kafka table engine reads the same topic with the same .proto into a table of the same
// definition; the same rows are also inserted from a ready file, which is the least that a reader can
// cost. Readers take turns within a round, in another order each round.
//
// Guarantee: after the rounds all tables hold the same rows, by count and by a hash over every column.
// Figures are processor time, merges included: a turn ends when ClickHouse has nothing left to do.
// Failure: rows that are missing, too many or different end the run with an error.
package events
