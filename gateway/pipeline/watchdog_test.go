package pipeline

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdog(t *testing.T) {
	const idle = 8 * time.Second
	f := func(name string, use func(*watchdog), after time.Duration, want bool) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w watchdog
				var expired atomic.Bool
				w.run(idle, func() { expired.Store(true) })
				defer w.stop()
				use(&w)
				<-time.After(after)
				synctest.Wait()
				if expired.Load() != want {
					t.Errorf("expired %v after %s, want %v", !want, after, want)
				}
			})
		})
	}
	await := func(w *watchdog) { w.await(idle) }
	f("unarmed", func(*watchdog) {}, time.Hour, false)
	f("early", await, idle-time.Millisecond, false)
	f("late", await, idle+idle/ticksPerWait+time.Millisecond, true)
	f("longer", func(w *watchdog) { w.await(10 * idle) }, 10*idle-time.Millisecond, false)
	f("arrived", func(w *watchdog) { w.await(idle); w.arrived() }, time.Hour, false)
	f("again", func(w *watchdog) {
		for range 10 {
			w.await(idle)
			<-time.After(idle - time.Second)
			w.arrived()
		}
	}, time.Hour, false)
	f("limit", func(w *watchdog) { w.limit(time.Second) }, time.Second+time.Millisecond, true)
	f("stopped", func(w *watchdog) { w.await(idle); w.stop() }, time.Hour, false)
}
