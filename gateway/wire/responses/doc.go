// Package responses is OpenAI's Responses: what clients send and get, and what
// providers take and give. A call between the two passes through, edited in place; the
// rest is written and read through package genai. The gateway keeps no state: what
// names a state (previous_response_id, conversation, prompt) passes through to a provider that has
// it, and is refused for any other. What runs in the background is refused: the ledger
// would never hear what it used.
//
// Guarantee: in a pass-through, bytes that are not named here stay as they are, in a
// request, in a plain answer and in every event of a stream.
//
// Concurrency: values of one call belong to its goroutine; nothing is shared.
// Failure: malformed input gives an apierror or a Failure, never a panic.
package responses
