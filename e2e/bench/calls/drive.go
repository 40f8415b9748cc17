package calls

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// drive keeps callers calls in flight for length and returns how many were answered in full and how long
// it took until the last one was.
func (t Target) drive(ctx context.Context, k Kind, callers int, length time.Duration) (int, time.Duration, error) {
	request, began := t.request(k), time.Now()
	var calls atomic.Int64
	var wait sync.WaitGroup
	failed := make(chan error, callers)
	for range callers {
		wait.Go(func() {
			c, err := t.dial(ctx, length+time.Minute)
			if err != nil {
				failed <- err
				return
			}
			defer c.conn.Close()
			for time.Since(began) < length && ctx.Err() == nil {
				if _, err := c.call(request); err != nil {
					failed <- err
					return
				}
				calls.Add(1)
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		return 0, 0, err
	default:
		return int(calls.Load()), time.Since(began), ctx.Err()
	}
}
