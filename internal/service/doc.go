// Package service is what every Weir binary needs around its own work: strict
// configuration, a start that undoes itself when it fails half-way, a stop in
// the reverse order with a time limit, health, and the operations listener.
//
// Guarantee: nothing in a configuration is ignored. A key or an environment
// variable that no struct asks for is an error that names it; a value of the
// wrong kind is an error that says what is expected. Every cleanup that was
// added runs once, last in first out, even when an earlier one fails or hangs.
//
// Concurrency: Load, Cleanups and Main belong to one goroutine, the one that
// wires the service. Health may be used from any number of goroutines.
//
// Failure: all problems of a configuration are reported together, one a line.
// A cleanup that outlives the limit is named and left behind; a readiness check
// that does not answer in time counts as down.
package service
