// Package e2e tests Weir from outside: real servers, faults and kills, against bin/stack. Real clients are in
// e2e/clients.
//
// The module imports nothing of Weir and is a module of its own, so that the large SDKs of its tests stay
// out of the product's go.mod. `make e2e` builds the binaries and runs everything here; a missing
// component is a failure, never a skipped test.
package e2e
