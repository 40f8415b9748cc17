// Package controllog makes the control log readable in SQL: a row of the table
// control_log for every record of weir.control, with the verdict of the fold.
//
// Guarantee: each record has its row, and reads as one, whatever was killed and
// however many ingests write. The log is folded from its beginning, since a
// verdict depends on all of it; at every start the table is compared with it,
// so that rows that were lost come back. No row holds a secret: what is bytes in a
// control record is secret, and left out.
//
// Concurrency: one goroutine runs a Follower, any may call Check.
//
// Failure: Kafka and ClickHouse may be away, it goes on where it was. A record
// that this release cannot fold, or a table of another log, stops the follower
// and not the ingest: facts go on, and Check says what a person has to do.
package controllog
