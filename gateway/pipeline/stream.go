package pipeline

import (
	"context"
	"errors"
	"io"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/provider"
	"weir/gateway/wire"
)

// tailLimit is how long the provider may take to end its answer after [DONE] or
// an error: reading to the end keeps the connection for the next call.
const tailLimit = time.Second

// forward passes a stream on as it comes: one write and one flush for each read.
// It returns at the event that ends the answer, which waits for the ledger.
func (c *call) forward() {
	s := c.newStream()
	c.stream = s
	in, out := getBuffer(-1), getBuffer(-1)
	defer putBuffer(in)
	defer putBuffer(out)
	defer s.Close()
	defer c.pulse.stop()
	pending := 0 // bytes of *in that are no complete event yet
	var drained int64
	for {
		buf := (*in)[:cap(*in)]
		n, err := c.read(buf[pending:])
		pending += n
		left := c.client.left.Load()
		if left {
			if drained += int64(n); drained > c.p.Limits.DrainMaxBytes {
				c.cutDrain()
			}
		}
		forward, used, step := s.Feed((*out)[:0], buf[:pending], errors.Is(err, io.EOF))
		*out = forward
		pending = copy(buf, buf[used:pending])
		if c.ttft == 0 && s.Seen().Content {
			c.ttft = c.clock
		}
		if len(forward) > 0 && !left {
			c.write(forward)
			c.keepOpen()
		}
		switch {
		case step == wire.Done:
			c.ending = true
			return
		case step == wire.Failed:
			c.err = c.blame(s.Err())
			if !c.mayPassOn() {
				c.tail(buf, pending)
			}
			return
		case err != nil:
			c.ended(err)
			return
		case pending == len(buf):
			if pending >= wire.MaxEvent {
				c.err = apierror.New(apierror.ProviderUnreadable, "An event of the provider's stream is larger than the limit.")
				return
			}
			grown := make([]byte, 2*len(buf))
			copy(grown, buf)
			*in = grown
		}
	}
}

// ended judges a stream that ended without [DONE]. Some providers send none:
// one that said why it stopped, or what it used in all, is whole.
func (c *call) ended(err error) {
	s := c.stream
	s.Close()
	switch {
	case !errors.Is(err, io.EOF):
		c.err = provider.Explain(c.ctx, err, true)
	case !s.Started():
		c.err = apierror.New(apierror.ProviderUnreadable, "The provider's stream is empty.")
	case s.Seen().FinishReason == "" && (!s.Seen().HasUsage || s.Seen().Partial):
		c.err = apierror.New(apierror.ProviderCut, "The provider's answer broke off.")
	}
}

// tail reads the rest of the answer, for its usage alone and not for long.
func (c *call) tail(buf []byte, pending int) {
	c.watch.limit(tailLimit)
	for context.Cause(c.ctx) == nil && pending < len(buf) {
		n, err := c.resp.Body.Read(buf[pending:])
		pending += n
		_, used, _ := c.stream.Feed(nil, buf[:pending], errors.Is(err, io.EOF))
		pending = copy(buf, buf[used:pending])
		if err != nil {
			return
		}
	}
}

// hangUp reads what follows [DONE], which is nothing as a rule.
func (c *call) hangUp() {
	var rest [512]byte
	c.watch.limit(tailLimit)
	for range 64 {
		if _, err := c.resp.Body.Read(rest[:]); err != nil {
			return
		}
	}
}
