// Package access says who may do what in the management API: one table of all
// operations, and whose power a caller has.
//
// Guarantee: what is not in the table is nobody's. A caller never has more power
// than the role of the member whose key it is, nor than the key's permission, and
// never any in another organisation.
//
// Concurrency: values without state. Failure: no error, only refusals.
package access
