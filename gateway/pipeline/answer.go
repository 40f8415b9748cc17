package pipeline

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/wire"
)

// The headers of every answer of the inference endpoints.
const (
	headerProvider = iota
	headerModel
	headerCache
	headerLatency
	headerRequestID
	headerAttempts
	headerCost
	headerCount
)

// headerNames are in the order of the constants, in canonical case.
func headerNames() [headerCount]string {
	return [headerCount]string{"X-Requesty-Provider", "X-Requesty-Model", "X-Requesty-Cache", "X-Requesty-Latency-Ms",
		"X-Requesty-Request-Id", "X-Requesty-Attempts", "X-Requesty-Cost-Usd"}
}

// roomForBill is what an answer grows by when the bill is written into it.
const roomForBill = 512

// compose makes the end of the answer, the part that waits for the ledger: all
// of a plain one, the last events of a stream, an error.
func (c *call) compose() {
	c.gone = c.gone || c.client.left.Load()
	switch {
	case c.err != nil && c.begun:
		c.last = c.errorEvent(c.err)
	case c.err != nil:
		c.last = c.format.AppendError(nil, c.err, c.id)
	case c.answer != nil:
		c.out = getBuffer(int64(len(*c.buffer)) + roomForBill)
		*c.out = c.answer.Append((*c.out)[:0], c.billed, c.theBill())
		c.last = *c.out
	case c.stream != nil:
		c.last = c.stream.AppendEnd(nil, c.billed, c.theBill())
	}
}

// errorEvent is an error inside a stream.
func (c *call) errorEvent(e *apierror.Error) []byte {
	var b []byte
	if _, opaque := c.stream.(wire.Opaque); opaque {
		return nil
	}
	if c.stream != nil {
		b = c.stream.AppendGap(b)
	}
	return c.format.AppendErrorEvent(b, e, c.id)
}

// theBill is what the client is told of the line.
func (c *call) theBill() *wire.Bill {
	t := c.line.Tokens
	return &wire.Bill{Cost: c.line.Cost.Append(nil), Cached: t.GetCachedInput(), Written: t.GetCacheWrite(), Reasoning: t.GetReasoning()}
}

// finish sends what waited.
func (c *call) finish() {
	if c.gone {
		c.abort()
	}
	c.clock = time.Since(c.start) // the ledger may have taken its time
	switch {
	case c.err != nil && !c.begun:
		c.writeError(c.err)
	case c.answer != nil:
		c.head(false)
		h := c.w.Header()
		h["Content-Type"] = c.contentType("application/json")
		h["Content-Length"] = []string{strconv.Itoa(len(c.last))}
		c.w.WriteHeader(c.status)
		c.begun = true
		c.extend()
		_, _ = c.w.Write(c.last) // recorded; a client that has gone is the server's to notice
		c.sent += int64(len(c.last))
	default:
		if _, opaque := c.stream.(wire.Opaque); opaque && c.err != nil {
			c.abort() // sound that broke off must not look whole
		}
		c.write(c.last)
		if c.err == nil && c.ending && !c.client.left.Load() {
			c.hangUp()
		}
	}
}

// breakOff ends an answer whose outcome could not be recorded so that nobody
// takes it for whole.
func (c *call) breakOff(e *apierror.Error) {
	c.err = e
	if !c.begun {
		c.writeError(e)
		return
	}
	c.clock = time.Since(c.start)
	c.write(c.errorEvent(e))
	c.abort()
}

// abort ends an answer that nobody gets. A client may have been taken for gone
// and read on; it must not take the empty answer of a handler that returns, or
// the end of a stream, for the provider's.
func (c *call) abort() { panic(http.ErrAbortHandler) }

// turnAway answers a call that has no place in the ledger.
func (c *call) turnAway(e *apierror.Error) {
	c.err = e
	c.took = time.Since(c.start)
	c.writeError(e)
}

// writeError answers with an error before anything else was sent.
func (c *call) writeError(e *apierror.Error) {
	body := c.format.AppendError(make([]byte, 0, 256), e, c.id)
	c.clock = time.Since(c.start)
	c.head(false)
	h := c.w.Header()
	e.Head(h, len(body))
	if c.r.Close {
		h["Connection"] = []string{"close"}
	}
	c.passLimits(h)
	c.begun = true
	c.extend()
	c.w.WriteHeader(e.Status)
	_, _ = c.w.Write(body) // recorded; a client that has gone is the server's to notice
	c.sent += int64(len(body))
}

// passLimits passes on what a provider said of its rate limits with an error.
func (c *call) passLimits(h http.Header) {
	if c.resp == nil {
		return
	}
	for name, values := range c.resp.Header {
		if strings.HasPrefix(name, "X-Ratelimit-") || name == "Retry-After-Ms" || name == "X-Should-Retry" {
			h[name] = values
		}
	}
}

// write sends a part of a stream and flushes it.
func (c *call) write(b []byte) {
	if c.client.left.Load() {
		return
	}
	if !c.begun {
		c.head(true)
		h := c.w.Header()
		h["Content-Type"] = c.contentType("text/event-stream")
		h["Cache-Control"] = []string{"no-cache"}
		h["X-Accel-Buffering"] = []string{"no"}
		c.w.WriteHeader(c.status)
		c.begun = true
	}
	c.pulse.mu.Lock()
	defer c.pulse.mu.Unlock()
	c.extend()
	_, err := c.w.Write(b)
	if err == nil {
		err = c.flush()
	}
	if err != nil {
		c.leave() // gone, or too slow to be served
		return
	}
	c.sent += int64(len(b))
	c.pulse.last = c.clock
	if c.caller.Key.Logging {
		c.capture = append(c.capture, b[:min(len(b), maxPayload-len(c.capture))]...)
	}
}

func (c *call) flush() error {
	switch f := c.raw.(type) {
	case interface{ FlushError() error }:
		return f.FlushError()
	case http.Flusher:
		f.Flush()
	}
	return nil
}

// extend gives the client time to take what is written. Setting a deadline
// costs as much as a small write, so one that has most of its time left stands.
func (c *call) extend() {
	if timeout := c.p.Limits.WriteTimeout; c.bound-c.clock < timeout-timeout/8 {
		c.bound = c.clock + timeout
		_ = http.NewResponseController(c.raw).SetWriteDeadline(c.start.Add(c.bound)) // a real connection takes it
	}
}

func (c *call) contentType(otherwise string) []string {
	if c.resp != nil && c.conversation == nil {
		if v := c.resp.Header["Content-Type"]; len(v) > 0 {
			return v
		}
	}
	return []string{otherwise}
}

// head sets the router's own headers. A stream has no cost yet.
func (c *call) head(stream bool) {
	v := &c.values
	v[headerCache] = cacheMiss
	v[headerLatency] = strconv.FormatInt(c.clock.Milliseconds(), 10)
	v[headerRequestID] = c.id
	v[headerAttempts] = strconv.Itoa(c.attempts())
	if c.target.Provider != nil {
		v[headerProvider], v[headerModel] = c.target.Provider.Name, c.model
	}
	v[headerCost] = c.line.Cost.String()
	h := c.w.Header()
	for i, name := range headerNames() {
		if i == headerCost && stream {
			continue
		}
		h[name] = v[i : i+1 : i+1]
	}
	c.permit.Head(h)
	c.warn(h)
}
