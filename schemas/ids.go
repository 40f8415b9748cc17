package schemas

import "github.com/oklog/ulid/v2"

// RequestIDPrefix begins every request id.
const RequestIDPrefix = "req_"

// NewRequestID returns "req_" and a ULID, 30 characters that sort by time.
func NewRequestID() string {
	return RequestIDPrefix + ulid.Make().String()
}
