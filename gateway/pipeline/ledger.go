package pipeline

import (
	"context"
	"errors"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/metadata"
	"weir/gateway/provider"
	"weir/gateway/wire"
	"weir/schemas"
)

// cacheMiss is what the ledger and the answer say of the response cache.
const cacheMiss = "MISS"

// maxPayload bounds what is captured of prompt and completion together, so that
// the event with its ids stays within 512 KiB.
const maxPayload = 512<<10 - 4<<10

// received is the event that opens the call.
func (c *call) received() *schemas.RequestReceived {
	return &schemas.RequestReceived{RequestId: c.id, OccurredAt: c.start.UnixMicro(), Dimensions: c.dims, RequestBytes: c.bytes, Budgets: c.budgets}
}

// record puts the request on the spool.
func (c *call) record() *apierror.Error {
	open, err := c.p.Journal.Begin(c.received(), c.caller.Key.Logging)
	if err != nil {
		return c.cannotRecord(err)
	}
	c.ledger = open
	return nil
}

func (c *call) cannotRecord(err error) *apierror.Error {
	c.p.Log.Warn("record a call", "request_id", c.id, "error", err)
	return apierror.New(apierror.CannotRecord, "The gateway cannot record calls at the moment.")
}

// refuse answers and records a call that never goes upstream.
func (c *call) refuse(e *apierror.Error) {
	c.err = e
	c.took = time.Since(c.start)
	c.compose()
	c.recordRefusal()
	if c.gone {
		c.abort()
	}
	c.writeError(c.err)
}

func (c *call) recordRefusal() {
	c.settled = true
	if c.dims == nil {
		c.dims = c.callersDimensions()
	}
	if err := c.p.Journal.Refuse(c.received(), c.completed(), c.usage()); err != nil {
		c.err = c.cannotRecord(err)
	}
}

// meter settles what the call used. A provider's figures are taken where there
// are any; the tokenizer counts where it worked and reported none.
func (c *call) meter() {
	var seen *wire.Seen
	worked := c.err == nil
	switch {
	case c.answer != nil:
		seen = c.answer.Seen()
	case c.stream != nil:
		seen = c.stream.Seen()
		worked = worked || c.stream.Started()
	}
	if c.ctx != nil && errors.Is(context.Cause(c.ctx), provider.ErrDrained) {
		worked = true // cut by the gateway, not by the provider
	}
	switch {
	case seen != nil && seen.HasUsage && seen.Partial:
		u := seen.Usage // what went in; what came out is counted
		u.Completion = max(u.Completion, c.permit.Within(c.p.Estimator.Estimate(c.target.Model, c.req, seen)).Completion)
		c.bill(u)
		c.line.Estimated = true
	case seen != nil && seen.HasUsage:
		if c.billedAt.IsZero() || seen.Usage != c.billed || seen.ServiceTier != c.billedTier {
			c.bill(seen.Usage)
		}
	case worked:
		if seen == nil {
			seen = &wire.Seen{}
		}
		c.bill(c.permit.Within(c.p.Estimator.Estimate(c.target.Model, c.req, seen)))
		c.line.Estimated = true
	}
}

// bill prices usage as of now.
func (c *call) bill(u genai.Usage) *wire.Bill {
	c.billed, c.billedTier, c.billedAt = u, c.seen().ServiceTier, time.Now()
	c.line = c.p.Meter.Measure(c.target.Provider.Vendor, c.target.Provider.Name, c.target.Model, c.billedTier, c.billedAt, u)
	return &wire.Bill{Cost: c.line.Cost.Append(nil), Cached: c.line.Tokens.CachedInput, Written: c.line.Tokens.CacheWrite, Reasoning: c.line.Tokens.Reasoning}
}

// settle puts outcome and usage on the spool, and lowers what is reserved to the
// cost.
func (c *call) settle() *apierror.Error {
	c.settled = true
	err := c.ledger.Complete(c.completed(), c.usage(), c.payload())
	c.permit.Settle(c.line.Cost, c.used(), c.ledger.UsageSeq())
	if err != nil {
		return c.cannotRecord(err)
	}
	return nil
}

// used is how many tokens the call used.
func (c *call) used() int64 {
	t := c.line.Tokens
	return t.GetInput() + t.GetCachedInput() + t.GetCacheWrite() + t.GetOutput() + t.GetReasoning()
}

// occurred is the moment of the outcome. Usage was priced at this moment.
func (c *call) occurred() time.Time {
	if c.billedAt.IsZero() {
		c.billedAt = time.Now()
	}
	return c.billedAt
}

func (c *call) completed() *schemas.ResponseCompleted {
	resp := &schemas.ResponseCompleted{
		RequestId: c.id, OccurredAt: c.occurred().UnixMicro(), OrgId: c.caller.Org.OrgId, KeyId: c.caller.Key.KeyId, Endpoint: c.format.Endpoint(),
		Model: metadata.ValidUTF8(c.target.Model), Status: int32(c.outcome()), ErrorKind: c.errorKind(),
		LatencyUs: c.took.Microseconds(), TtftUs: c.ttft.Microseconds(), ClientDisconnected: c.gone, ResponseBytes: c.sent,
	}
	if !c.gone {
		resp.ResponseBytes += int64(len(c.last))
	}
	if c.target.Provider != nil {
		resp.Provider = c.target.Provider.Name
	}
	if e := c.err; e != nil {
		resp.ErrorMessage, resp.ErrorOrigin = metadata.ValidUTF8(e.Summary()), e.Origin
	} else if c.gone {
		resp.ErrorMessage, resp.ErrorOrigin = "The client went away.", apierror.Router
	}
	resp.FinishReason = metadata.ValidUTF8(bounded(c.seen().FinishReason))
	if c.attempts() > 0 {
		resp.Attempts = append(c.failed, c.tried())
	}
	return resp
}

func (c *call) usage() *schemas.UsageRecorded {
	u := &schemas.UsageRecorded{
		RequestId: c.id, OccurredAt: c.occurred().UnixMicro(), Dimensions: c.dims,
		Model: metadata.ValidUTF8(c.target.Model), Region: c.region(c.account), ServiceTier: metadata.ValidUTF8(bounded(c.seen().ServiceTier)),
		Byok: c.byok(), Cache: cacheMiss, Status: int32(c.outcome()), ErrorKind: c.errorKind(),
		Tokens: c.line.Tokens, Units: c.line.Units, Estimated: c.line.Estimated, PriceUnknown: c.line.PriceUnknown, TokensRejected: c.line.Rejected,
		PriceVersion: c.line.PriceVersion, CostPico: int64(c.line.Cost), SavedPico: int64(c.line.Saved),
		LatencyUs: c.took.Microseconds(), TtftUs: c.ttft.Microseconds(), Attempts: int32(c.attempts()), ReceivedAt: c.start.UnixMicro(), Budgets: c.budgets,
	}
	if c.target.Provider != nil {
		u.Provider = c.target.Provider.Name
	}
	return u
}

// bounded keeps a provider's own words at the length of an id.
func bounded(s string) string { return s[:min(len(s), metadata.MaxID)] }

func (c *call) seen() *wire.Seen {
	switch {
	case c.answer != nil:
		return c.answer.Seen()
	case c.stream != nil:
		return c.stream.Seen()
	}
	return &wire.Seen{}
}

// payload is what was said, for keys that ask for it; nil for all others. When
// it is too much, each side may have half, and what the other leaves.
func (c *call) payload() *schemas.PayloadCaptured {
	if !c.caller.Key.Logging || c.req == nil {
		return nil
	}
	prompt, completion := c.req.Head().Body, c.capture
	if !c.gone {
		completion = append(completion, c.last...)
	}
	const half = maxPayload / 2
	forPrompt := max(half, maxPayload-len(completion))
	forCompletion := max(half, maxPayload-len(prompt))
	at := c.occurred()
	p := &schemas.PayloadCaptured{RequestId: c.id, OccurredAt: at.UnixMicro(), OrgId: c.caller.Org.OrgId, KeyId: c.caller.Key.KeyId,
		Request: prompt, Response: completion, ExpiresAt: at.Add(c.p.Limits.PayloadRetention).UnixMicro()}
	if len(prompt) > forPrompt {
		p.Request, p.RequestTruncated = prompt[:forPrompt], true
	}
	if len(completion) > forCompletion || c.sent > int64(len(c.capture)) {
		p.Response, p.ResponseTruncated = completion[:min(len(completion), forCompletion)], true
	}
	return p
}
