// Package eventlog writes Weir's log and reads it: the spool of a node, the
// producer that carries the spool into Kafka in order, and the consumer that
// delivers each record to a sink exactly once. It is the only importer of
// franz-go.
package eventlog
