// Package cloud puts the credentials of AWS, Google and Azure on calls: Signature
// Version 4 or a Bedrock API key, OAuth tokens of a service account, an API key or
// tokens of Entra. It knows nothing of providers; who calls one hands it the request
// last, when every other header stands.
//
// Guarantee: a secret goes to its cloud alone, over TLS, and is in no error and no text
// that prints a Signer. Credentials that are an organisation's own can name no address:
// what is asked for their tokens is on a fixed list. A token is fetched by one caller
// at a time and again before it expires, while the old one still serves.
//
// Concurrency: a Signer is safe for use by any number of calls. Failure: an error names
// the field and the remedy; a token that cannot be fetched fails the calls that wait for
// it, and the next call tries again.
package cloud
