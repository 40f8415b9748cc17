// Package schemas is the contract between Weir's services: the events as
// Protobuf, the topics with their keys and headers, money, and the histogram
// buckets. It imports nothing of Weir's own; all of it is values and pure
// functions, safe for concurrent use.
package schemas
