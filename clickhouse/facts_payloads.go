package clickhouse

import (
	"time"

	"weir/schemas"
)

// maxPayloadLife bounds the retention of a payload, whatever its event says, so
// that a wrong clock or a wrong unit never keeps a prompt for ever.
const maxPayloadLife = 366 * 24 * time.Hour

// PayloadBlock is rows of the table payloads.
type PayloadBlock struct {
	facts
	orgID, keyID                        names
	request, response                   text
	requestTruncated, responseTruncated flags
	expiresAt                           numbers[uint32]
}

// NewPayloadBlock returns an empty block.
func NewPayloadBlock() *PayloadBlock {
	b := new(PayloadBlock)
	b.define("payloads", []field{
		{"org_id", typeName, &b.orgID},
		{"key_id", typeName, &b.keyID},
		{"request", "String", &b.request},
		{"response", "String", &b.response},
		{"request_truncated", "Bool", &b.requestTruncated},
		{"response_truncated", "Bool", &b.responseTruncated},
		{"expires_at", "DateTime('UTC')", &b.expiresAt},
	})
	return b
}

func (b *PayloadBlock) empty() FactBlock { return NewPayloadBlock() }

func (b *PayloadBlock) expired(row int, now time.Time, _ int) bool {
	return int64(b.expiresAt.values[row]) <= now.Unix()
}

// Append adds the row of an event. It expires when the event says, at most a
// year after it counts.
func (b *PayloadBlock) Append(o Origin, e *schemas.PayloadCaptured) {
	b.facts.add(o, e)
	b.orgID.add(e.GetOrgId())
	b.keyID.add(e.GetKeyId())
	b.request.addBytes(e.GetRequest())
	b.response.addBytes(e.GetResponse())
	b.requestTruncated.add(e.GetRequestTruncated())
	b.responseTruncated.add(e.GetResponseTruncated())
	expires := time.UnixMicro(e.GetExpiresAt())
	if expires.Before(o.At) {
		expires = o.At
	}
	if latest := o.At.Add(maxPayloadLife); expires.After(latest) {
		expires = latest
	}
	b.expiresAt.add(uint32(expires.Unix()))
}
