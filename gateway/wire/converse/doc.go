// Package converse is the Converse API of Amazon Bedrock: what the service takes and
// gives, plain and as AWS's binary event stream, written from and read into package
// genai.
//
// Guarantee: what the table of package genai keeps is in the request, in an order that
// the API accepts: turns alternate and begin with the user's, results of calls follow
// the calls directly, ids and names of documents have the form that is asked for.
// Signatures of reasoning go back where they came from. A stream is read event by
// event, and a frame whose checksum is wrong ends it.
//
// Concurrency: a Protocol is stateless, a decoder belongs to its call. Failure:
// apierrors; malformed input never panics.
package converse
