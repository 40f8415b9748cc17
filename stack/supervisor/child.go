package supervisor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// A child that ends this often before it first answers is not going to.
	startAttempts = 3
	// The first new start comes after firstPause, each further one after twice the pause.
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// A child that has run this long begins anew with the pauses.
	settled = 10 * time.Second
	// How often a starting child is asked whether it answers, and how long it may take to say so.
	askEvery     = 20 * time.Millisecond
	askPatience  = 2 * time.Second
	startTimeout = 60 * time.Second
)

// child is one supervised program. Its goroutine (supervise) owns starting and waiting; mu owns the
// fields that others look at.
type child struct {
	owner *Supervisor
	spec  Spec
	log   *logFile

	stopping chan struct{} // closed by stop
	finished chan struct{} // closed by supervise at its end
	failed   chan string   // gets the reason when it is given up before it answered

	mu       sync.Mutex
	process  *process
	answered bool
}

func newChild(owner *Supervisor, spec Spec, log *logFile) *child {
	return &child{
		owner: owner, spec: spec, log: log,
		stopping: make(chan struct{}), finished: make(chan struct{}), failed: make(chan string, 1),
	}
}

// supervise runs the program until stop is called, or until it is given up.
func (c *child) supervise() {
	defer close(c.finished)
	pause := firstPause
	for attempt := 1; ; attempt++ {
		began := time.Now()
		process, err := c.owner.launch(c.spec, c.log)
		var reason string
		if err == nil {
			c.setProcess(process)
			if c.isStopping() {
				process.signal(syscall.SIGTERM) // stop may have looked before this process was there
			}
			<-process.ended
			reason = process.reason()
		} else {
			reason = err.Error()
		}
		if c.isStopping() {
			return
		}
		if !c.hasAnswered() && attempt >= startAttempts {
			c.failed <- fmt.Sprintf("it ended %d times before it answered, at last with %s", attempt, reason)
			return
		}
		if time.Since(began) > settled {
			pause = firstPause
		}
		if c.hasAnswered() {
			c.owner.opts.Report(fmt.Sprintf("%s ended (%s) and is started again in %v", c.spec.Name, reason, pause))
		}
		select {
		case <-time.After(pause):
		case <-c.stopping:
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// awaitReady returns nil when the child answers for the first time.
func (c *child) awaitReady(ctx context.Context) error {
	limit := c.spec.StartTimeout
	if limit == 0 {
		limit = startTimeout
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	last := error(nil)
	for {
		if pid := c.pid(); pid != 0 {
			ask, cancel := context.WithTimeout(ctx, askPatience)
			last = c.ask(ask)
			cancel()
			// The answer counts when it came from this child and not from a stranger on its port.
			if last == nil && c.pid() == pid {
				c.mu.Lock()
				c.answered = true
				c.mu.Unlock()
				return nil
			}
		}
		select {
		case <-tick.C:
		case reason := <-c.failed:
			return c.startError(reason)
		case <-timeout.C:
			return c.startError(fmt.Sprintf("it does not answer after %v (%v)", limit, last))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *child) ask(ctx context.Context) error {
	if c.spec.Ready == nil {
		return nil
	}
	return c.spec.Ready(ctx)
}

func (c *child) startError(reason string) error {
	return &StartError{Name: c.spec.Name, Reason: strings.TrimSpace(reason), Tail: c.log.Tail(), Log: c.spec.Log}
}

// stop ends the child for good and says whether it had to be killed against its will.
func (c *child) stop(patience time.Duration) (killed bool) {
	close(c.stopping)
	if patience > 0 {
		c.signal(syscall.SIGTERM)
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-c.finished:
			return false
		case <-timer.C:
		}
	}
	// A process that was being started while we looked gets its own signal from supervise, so repeat.
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		c.signal(syscall.SIGKILL)
		select {
		case <-c.finished:
			return patience > 0
		case <-tick.C:
		}
	}
}

func (c *child) signal(sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		c.process.signal(sig)
	}
}

// setProcess makes a new process the child's, and tells the owner when it replaces another.
func (c *child) setProcess(p *process) {
	c.mu.Lock()
	c.process = p
	answered := c.answered
	c.mu.Unlock()
	if answered && c.owner.opts.Changed != nil {
		c.owner.opts.Changed()
	}
}

func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.pid
}

func (c *child) hasAnswered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

func (c *child) isStopping() bool {
	select {
	case <-c.stopping:
		return true
	default:
		return false
	}
}
