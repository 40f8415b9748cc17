package calls

import (
	"context"
	"sync"
	"time"
)

// Call is one call that was answered in full.
type Call struct {
	RequestID string // "" where the gateway gives none
	Sent      time.Time
	First     time.Time // the first byte of the answer's body had come
	End       time.Time // the last one had
}

// Pace begins rate calls a second for length, however long the answers take, and returns all of them.
// Connections are kept and opened as needed.
func (t Target) Pace(ctx context.Context, k Kind, rate int, length time.Duration) ([]Call, error) {
	request, n := t.request(k), int(length.Seconds()*float64(rate))
	idle := make(chan *connection, n)
	defer func() {
		for len(idle) > 0 {
			(<-idle).conn.Close()
		}
	}()
	calls, failed := make([]Call, n), make(chan error, n)
	var wait sync.WaitGroup
	defer wait.Wait()
	began := time.Now()
	for i := range n {
		select {
		case err := <-failed:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate)))):
		}
		wait.Go(func() {
			var c *connection
			select {
			case c = <-idle:
			default:
				var err error
				if c, err = t.dial(ctx, length+time.Minute); err != nil {
					failed <- err
					return
				}
			}
			sent := time.Now()
			a, err := c.call(request)
			if err != nil {
				c.conn.Close()
				failed <- err
				return
			}
			calls[i] = Call{a.requestID, sent, a.first, time.Now()}
			idle <- c
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
		return calls, nil
	}
}
