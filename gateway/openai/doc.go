// Package openai is OpenAI's Chat Completions wire format, as far as a gateway
// must know it: it reads a few fields of a request, an answer or a stream and
// edits them in place.
//
// Guarantee: bytes that are not named here pass unchanged, in a request, in a
// plain answer and in every event of a stream. Reading and editing agree with
// what any JSON reader sees: escaped names count as the names they spell, and
// fields that two readers could see differently are refused.
//
// Concurrency: values of one call belong to its goroutine; nothing is shared.
// Failure: malformed input gives an apierror or a false, never a panic.
package openai
