// Package chat is OpenAI's Chat Completions: what clients send and get, and what
// providers take and give. A call between the two passes through, edited in place;
// the rest is written and read through package genai.
//
// Guarantee: in a pass-through, bytes that are not named here stay as they are, in a
// request, in a plain answer and in every event of a stream. Reading and editing
// agree with what any JSON reader sees: escaped names count as the names they spell,
// and fields that two readers could see differently are refused.
//
// Concurrency: values of one call belong to its goroutine; nothing is shared.
// Failure: malformed input gives an apierror or a false, never a panic.
package chat
