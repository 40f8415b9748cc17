// Package gemini is Google's generateContent, as the Gemini API and Vertex AI serve it:
// what providers take and give, written from and read into package genai.
//
// Guarantee: what the table of package genai keeps is in the request, in an order that
// the API accepts: the results of calls follow the calls directly, and system messages
// that lead are the system instruction. Signatures of thoughts go back where they came
// from. A stream is read event by event; nothing of its text is kept.
//
// Concurrency: a Protocol is stateless, a decoder belongs to its call. Failure:
// apierrors; malformed input never panics.
package gemini
