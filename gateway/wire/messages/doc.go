// Package messages is Anthropic's Messages: what clients send and get, what providers
// take and give, and the counting of a request's tokens beside it. A call between the
// two passes through, edited in place; the rest is written and read through package
// genai.
//
// Guarantee: in a pass-through, bytes that are not named here stay as they are, in a
// request, in a plain answer and in every event of a stream; thinking keeps its
// signature on every way. What is encoded for a provider keeps the API's rules: turns
// alternate, results follow their calls, no text is empty, a limit is set.
//
// Concurrency: values of one call belong to its goroutine; nothing is shared.
// Failure: malformed input gives an apierror or a false, never a panic.
package messages
