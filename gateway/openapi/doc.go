// Package openapi completes the OpenAPI document of the gateway, and serves the
// page that shows it. Operations of the management API document themselves; the
// inference endpoints, which pass their bodies on as they are, are described here.
//
// Guarantee: the document and the page need nothing from the internet; the page
// sends a key only to the gateway that it came from.
//
// Concurrency: Document changes what it is given, once; the page serves any number
// of requests. Failure: an error of Document is a mistake in the code.
package openapi
