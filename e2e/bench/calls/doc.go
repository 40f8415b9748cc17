// Package calls measures a gateway by the calls that it answers, beside a bare proxy in front of the same
// provider: processor time for each call, calls a second, latency and time to first token at a fixed rate,
// and memory with many open streams.
//
// The bare proxy is an http.Handler that reads the body, sends it on one shared transport and copies the
// answer with a flush after each read. Gateway and bare proxy take turns within one run. What a process
// does behind a call's back is in its figures.
//
// Guarantee: both are sent the same calls by the same load generator, and each round of the one has its
// neighbour of the other. Failure: any call that is not answered in full ends the run.
package calls
