// Package media is what OpenAI's API has beside chat, as clients speak it:
// embeddings, images, speech and transcriptions. Providers that speak Chat
// Completions or Responses have the same endpoints under the same base URL, so
// calls to them pass through. Embeddings reach protocols that have their own, by a
// bridge; all else is refused.
//
// Guarantee: as with chat, a field that the gateway reads is what the provider
// will read, and all else is the client's. A form is written anew from its parts:
// its fields are bounded, its files are never in memory as a whole. Sound is
// passed on as it comes, but for its last byte, which waits for the ledger.
//
// Concurrency: a Format is stateless; a request belongs to its call, but what it
// uploads may be read while it is closed. Failure: apierrors; malformed input
// never panics, and a form that could not be read leaves no file behind.
package media
