package pipeline

import (
	"net/http"
	"sync"
	"time"

	"weir/gateway/wire"
)

// pulse is a comment in a stream now and then, so that nothing between the gateway
// and the client takes a stream for dead whose provider thinks.
type pulse struct {
	mu      sync.Mutex // owns the connection to the client, which a beat writes to from another goroutine
	timer   *time.Timer
	last    time.Duration // when something was written, since the call's start
	stopped bool
}

// beatText is ignored by every reader of server-sent events.
const beatText = ": ping\n\n"

// keepOpen begins the pulse of a stream that has begun. Sound has none: in it a comment
// would be heard.
func (c *call) keepOpen() {
	if _, opaque := c.stream.(wire.Opaque); opaque {
		return
	}
	if every := c.p.Limits.PingInterval; c.pulse.timer == nil && every > 0 {
		c.pulse.mu.Lock()
		defer c.pulse.mu.Unlock()
		c.pulse.timer = time.AfterFunc(every, c.beat)
	}
}

func (c *call) beat() {
	p := &c.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || c.client.left.Load() {
		return
	}
	now := time.Since(c.start)
	if now-p.last < c.p.Limits.PingInterval {
		p.timer.Reset(c.p.Limits.PingInterval - (now - p.last))
		return
	}
	c.bound = now + c.p.Limits.WriteTimeout
	_ = http.NewResponseController(c.raw).SetWriteDeadline(c.start.Add(c.bound)) // a real connection takes it
	_, err := c.w.Write([]byte(beatText))
	if err == nil {
		err = c.flush()
	}
	if err != nil {
		c.leave() // gone, or too slow to be served
		return
	}
	c.sent += int64(len(beatText))
	p.last = now
	p.timer.Reset(c.p.Limits.PingInterval)
}

// again lets a pulse that was stopped before it had begun begin in the next attempt.
func (p *pulse) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = false
}

// stop ends the pulse; none beats afterwards.
func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
}
