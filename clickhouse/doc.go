// Package clickhouse is Weir's end of ClickHouse: the migrations, the blocks
// that ingest and the aggregator insert, the check on what a repeat has left
// behind, and the checkpoints of the consumers. It is the only importer of
// clickhouse-go and golang-migrate.
//
// Guarantee: a block goes to the server as one native block of one INSERT under
// a deduplication token, with the settings that the token rests on pinned. A
// repeat of the same block under the same token adds nothing where the first
// one landed. A token is not trusted, though: a server that was killed may
// remember one whose rows it lost, and Missing names those rows. A block whose
// column differs in type from the table's is refused before a byte of it is
// sent.
//
// Concurrency: a DB may be used from any number of goroutines; a block belongs
// to one at a time. Migrate may run in any number of processes at once, one of
// them works and the others wait.
//
// Failure: an error of an insert tells nothing about whether the rows landed;
// the caller repeats the same block under the same token and asks Missing.
package clickhouse
