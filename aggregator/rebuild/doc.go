// Package rebuild makes the rollups and the live sums anew, from the first record
// of the log, beside those that serve, and switches to them.
//
// A generation is one copy of both: the table rollups_<n>, the consumer group
// weir-aggregator-<n> with its tokens and checkpoints, and the Redis keys under
// weir:<n>:. Which one serves is written in one place, the view rollups.
//
// Guarantee: the new generation is delivered by the ordinary consumer, so each
// event counts in it once, whatever is killed in between; what is switched to
// holds everything that was in the log some seconds before. A number is never
// used for a second copy: one whose table and group do not go together is left,
// and the next one begins.
//
// Concurrency: any number of processes may rebuild at once. They agree on the
// generation under a lock on the server, share its partitions as one group, and
// whichever sees first that all is there switches.
//
// Failure: Kafka or ClickHouse away is waited out once it has begun. A process
// that ends too early, however it ends, leaves a generation that the next one
// goes on with; the one that serves is never touched.
package rebuild
