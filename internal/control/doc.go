// Package control is the control state: who may call what and how much it may
// cost, and what all services must agree on. It is folded from the topic
// weir.control into memory, and changed only by writing there. State is the fold,
// Store the log that feeds it, Put and Delete propose a change.
//
// Guarantee: every reader of the log comes to the same state; a command is
// accepted when its entity stands at the version that it expects, and nothing
// else decides, so that of those who race exactly one wins. Its writer learns the
// verdict when its own record comes back. A repeat of one of the newest 65,536
// commands gets the first verdict. References are checked by who writes, never
// here: a reader must bear ones that lead nowhere.
//
// Concurrency: State and Store may be used from any goroutine; one goroutine
// folds. What a State hands out is never changed again: a change replaces it. A
// reader must not change it either, see Clone.
//
// Failure: a Store without Kafka keeps answering from what it has folded, and
// reads on when Kafka is back; a record that this release cannot fold stops the
// reader, and Err says at which offset and why.
package control
