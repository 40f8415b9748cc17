package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/metadata"
	"weir/gateway/metering"
	"weir/schemas"
)

// accounts finds on whose key the call goes out, and on whose it may be tried once
// more.
func (c *call) accounts() (e *apierror.Error) {
	c.account, c.spare, e = c.p.Accounts.Plan(&c.caller, c.target.Provider)
	return e
}

// mayPassOn tells that the attempt failed in a way that another account may not
// share, before the client had a byte and while it is still there.
func (c *call) mayPassOn() bool {
	if c.err == nil || c.spare == nil || c.begun || c.client.left.Load() || context.Cause(c.ctx) != nil {
		return false
	}
	switch c.err.Kind {
	case apierror.ProviderCredentials, apierror.ProviderRateLimited, apierror.ProviderOverloaded, apierror.ProviderUnreachable, apierror.ProviderCut,
		apierror.BaseURLRefused:
		return true
	case apierror.ProviderError:
		return c.err.Status >= http.StatusInternalServerError
	default: // a mistake of the request, which it would be on any account; or time is up
		return false
	}
}

// passOn ends the attempt that failed, keeps what the ledger says of it, and makes
// the call ready for the next, on the other account. What the failed one cost is
// not the call's.
func (c *call) passOn() {
	c.took = time.Since(c.start)
	c.meter()
	c.failed = append(c.failed, c.tried())
	if c.resp != nil {
		_ = c.resp.Body.Close() // nothing more is read of it
	}
	putBuffer(c.buffer)
	c.resp, c.buffer, c.answer, c.stream, c.err, c.status = nil, nil, nil, nil, nil, 0
	c.firstByte, c.ttft = 0, 0
	c.line, c.billed, c.billedTier, c.billedAt = metering.Line{}, genai.Usage{}, "", time.Time{}
	c.account, c.spare, c.began = c.spare, nil, c.took
	c.pulse.again()
}

// tried is the attempt under way as the ledger has it.
func (c *call) tried() *schemas.Attempt {
	a := &schemas.Attempt{
		Provider: c.target.Provider.Name, Model: metadata.ValidUTF8(c.target.Model), Status: int32(c.status), Tokens: c.line.Tokens, CostPico: int64(c.line.Cost),
		Byok: c.account.Own(), LatencyUs: (c.took - c.began).Microseconds(), UpstreamId: metadata.ValidUTF8(bounded(c.seen().ID)),
	}
	if c.ttft > 0 {
		a.TtftUs = (c.ttft - c.began).Microseconds()
	}
	if c.err != nil {
		a.ErrorKind = string(c.err.Kind)
	}
	return a
}

// attempts is how many tries at a provider were made.
func (c *call) attempts() int {
	if c.ctx == nil {
		return 0
	}
	return len(c.failed) + 1
}

// byok tells that the attempt that the call ended with was on an own key.
func (c *call) byok() bool { return c.attempts() > 0 && c.account.Own() }

// blame says of an account's trouble whose account it was, and takes the key out of
// what the provider says of it.
func (c *call) blame(e *apierror.Error) *apierror.Error {
	if e == nil {
		return nil
	}
	if e.Kind == apierror.ProviderCredentials && c.account.Own() && c.status != 0 {
		e.Message = fmt.Sprintf("The provider refused the organisation's own key (credential %s).", c.account.CredentialID)
	}
	for _, text := range [...]*string{&e.Message, &e.Type, &e.Code, &e.Param} {
		*text = c.account.Redact(*text)
	}
	return e
}
