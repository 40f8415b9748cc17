// Package admission decides whether a call may go ahead: by rate limits, and by
// the hard budgets against which the most that it may cost is reserved.
//
// Guarantee: a call whose use stays within what its request allows never costs
// more than was reserved for it, by the catalog's prices; so no budget is passed
// by calls that were admitted. Where the whole does not fit, the output limit is
// lowered, never the reservation alone.
//
// Concurrency: everything may be used from any goroutine; a Bound and a Permit
// belong to one call.
//
// Failure: without Redis rate limits are open, and budgets refuse or are open as
// the operator said. A caller with neither costs no call to Redis.
package admission
