package pipeline

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchdog ends a call upstream when what is awaited does not come. Arming it
// for each read is one store: its timer looks at the deadline when it fires and
// goes on when there is time left.
type watchdog struct {
	start    time.Time
	deadline atomic.Int64 // nanoseconds after start; 0 while nothing is awaited
	period   time.Duration

	mu      sync.Mutex // owns the timer, which fires in a goroutine of its own
	timer   *time.Timer
	stopped bool
}

// run starts the watchdog, unarmed; no wait will be shorter than period.
func (w *watchdog) run(period time.Duration, expire func()) {
	w.start, w.period = time.Now(), period
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(period, func() { w.tick(expire) })
}

func (w *watchdog) tick(expire func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	switch deadline, now := time.Duration(w.deadline.Load()), time.Since(w.start); {
	case deadline == 0:
		w.timer.Reset(w.period)
	case now >= deadline:
		expire()
	default:
		w.timer.Reset(deadline - now)
	}
}

// await says that something must come within d, which is at least the period.
func (w *watchdog) await(d time.Duration) { w.deadline.Store(int64(time.Since(w.start) + d)) }

// arrived says that nothing is awaited.
func (w *watchdog) arrived() { w.deadline.Store(0) }

// limit says that all must be over within d, however short.
func (w *watchdog) limit(d time.Duration) {
	w.await(d)
	w.mu.Lock()
	defer w.mu.Unlock()
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
