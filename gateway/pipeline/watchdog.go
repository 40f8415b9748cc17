package pipeline

import (
	"sync"
	"sync/atomic"
	"time"
)

// ticksPerWait is how finely the watchdog measures: a wait ends within an
// eighth more than it was given.
const ticksPerWait = 8

// watchdog ends a call upstream when what is awaited does not come. Arming it
// for each read is one store and no look at the clock: a timer counts down.
type watchdog struct {
	left   atomic.Int64 // ticks until the end of the wait; 0 while nothing is awaited
	period time.Duration
	expire func()

	mu      sync.Mutex // owns the timer, which fires in a goroutine of its own
	timer   *time.Timer
	final   bool // the next tick is the end
	stopped bool
}

// run starts the watchdog, unarmed; no wait will be shorter than shortest.
func (w *watchdog) run(shortest time.Duration, expire func()) {
	w.period, w.expire = max(shortest/ticksPerWait, time.Millisecond), expire
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.period, w.tick)
}

func (w *watchdog) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	left := w.left.Load()
	// When the swap fails, what was awaited has come in this very moment.
	if w.final || left > 0 && w.left.CompareAndSwap(left, left-1) && left == 1 {
		w.expire()
		return
	}
	w.timer.Reset(w.period)
}

// await says that something must come within d.
func (w *watchdog) await(d time.Duration) { w.left.Store(int64(d/w.period) + 1) }

// arrived says that nothing is awaited.
func (w *watchdog) arrived() { w.left.Store(0) }

// limit says that all must be over within d.
func (w *watchdog) limit(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.final = true
	if !w.stopped {
		w.timer.Reset(d)
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}
