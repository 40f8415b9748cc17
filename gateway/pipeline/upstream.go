package pipeline

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/provider"
	"weir/gateway/wire"
)

// maxErrorBody bounds what is read of a provider's answer with an error status.
const maxErrorBody = 1 << 20

// attempt calls the provider on the account that was planned first, and on the
// other one where that may help, and passes the answer on, all but what must wait
// for the ledger. How it ended is in err, answer and stream.
func (c *call) attempt() {
	if counter, ok := c.format.(wire.Counter); ok && c.conversation != nil {
		c.count(counter)
		return
	}
	p := c.target.Provider
	c.ctx, c.cancel = context.WithCancelCause(c.p.root)
	c.watch.run(min(p.Timeout, p.Idle), func() { c.cancel(provider.ErrTimeout) })
	stop := context.AfterFunc(c.r.Context(), c.leave)
	c.client.mu.Lock()
	c.client.stop = stop
	c.client.mu.Unlock()

	defer func() { c.took = time.Since(c.start) }()
	c.try()
	if c.mayPassOn() {
		c.passOn()
		c.try()
	}
}

// try calls the provider once.
func (c *call) try() {
	p := c.target.Provider
	c.watch.await(p.Timeout)
	var err error
	call, e := c.upstream()
	if c.err = e; e != nil {
		return
	}
	c.resp, err = c.p.Client.Send(c.ctx, p, c.account, call)
	if err != nil {
		c.err = c.blame(provider.Explain(c.ctx, err, false))
		return
	}
	c.status = c.resp.StatusCode
	switch {
	case c.status < 200 || c.status > 299:
		c.providerError()
	case c.streams():
		c.forward()
	default:
		c.plain()
	}
	c.watch.arrived()
}

// streams tells that an answer is passed on as it comes.
func (c *call) streams() bool {
	if typed, ok := c.format.(wire.Typed); ok {
		return typed.Streams(c.resp.Header.Get("Content-Type"))
	}
	return c.req.Head().Stream && !isJSON(c.resp.Header)
}

// isJSON tells that an answer is a JSON document, which a provider that does
// not stream sends even when it was asked to.
func isJSON(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "application/json")
}

// leave notes that the client has gone. The call goes on, since what the
// provider bills is only known at its end, within the bounds of reading on.
func (c *call) leave() {
	c.client.mu.Lock()
	defer c.client.mu.Unlock()
	if c.client.closed || c.client.left.Load() {
		return
	}
	c.client.left.Store(true)
	if c.p.drains.Add(1) > int64(c.p.Limits.DrainMax) {
		c.p.drains.Add(-1)
		c.cutDrain()
		return
	}
	c.client.draining = true
	c.p.Metrics.Draining.Inc()
	c.client.timer = time.AfterFunc(c.p.Limits.DrainTimeout, c.cutDrain)
}

// cutDrain gives reading on up, once.
func (c *call) cutDrain() {
	if context.Cause(c.ctx) != nil {
		return
	}
	c.p.Metrics.Cut.Inc()
	c.cancel(provider.ErrDrained)
}

// read reads a piece of the answer's body under the watchdog, and then the
// clock, once for all that follows from the piece.
func (c *call) read(into []byte) (int, error) {
	if c.firstByte > 0 {
		c.watch.await(c.target.Provider.Idle)
	}
	n, err := c.resp.Body.Read(into)
	c.watch.arrived()
	c.clock = time.Since(c.start)
	if n > 0 && c.firstByte == 0 {
		c.firstByte = c.clock
	}
	return n, err
}

// providerError reads an answer that is an error.
func (c *call) providerError() {
	p := c.target.Provider
	body, err := io.ReadAll(io.LimitReader(c.resp.Body, maxErrorBody))
	if err != nil && context.Cause(c.ctx) != nil {
		c.err = provider.Explain(c.ctx, err, true)
		return
	}
	// What came of a body that broke off still says more than nothing.
	c.err = c.blame(p.Protocol.ReadError(c.status, body))
	c.err.RetryAfter = c.resp.Header.Get("Retry-After")
}

// plain reads an answer that is one document.
func (c *call) plain() {
	c.buffer = getBuffer(c.resp.ContentLength)
	body := (*c.buffer)[:0]
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := c.read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		*c.buffer = body
		if int64(len(body)) > c.p.Limits.MaxAnswer || c.client.left.Load() && int64(len(body)) > c.p.Limits.DrainMaxBytes {
			c.err = apierror.New(apierror.ProviderUnreadable, "The provider's answer is larger than the limit.")
			return
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			c.err = provider.Explain(c.ctx, err, true)
			return
		}
		c.ttft = c.firstByte
		if c.answer, c.err = c.readAnswer(body); c.err != nil {
			c.err, c.ttft = c.blame(c.err), 0
		}
		return
	}
}

// bufferSize is what a stream's reads and writes begin with, and maxPooled what
// is kept for the next call. An answer's buffer is at least the former.
const (
	bufferSize = 16 << 10
	maxPooled  = 512 << 10
)

// buffers are shared by all calls: measured, an answer's buffers are the
// largest part of what a call allocates.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, bufferSize)
	return &b
}}

// getBuffer returns a buffer; size is how much it will hold, -1 if not known.
func getBuffer(size int64) *[]byte {
	b := buffers.Get().(*[]byte)
	if size >= int64(cap(*b)) && size < maxPooled {
		*b = make([]byte, 0, size+1)
	}
	return b
}

func putBuffer(b *[]byte) {
	if b != nil && cap(*b) <= maxPooled {
		buffers.Put(b)
	}
}
