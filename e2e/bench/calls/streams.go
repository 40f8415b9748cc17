package calls

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/e2e/stacktest"
)

// held is a stream with a chunk a second for as long as anyone measures.
func held() Kind { return Kind{"held open", "small:chunks=600,gap=1s", true, stacktest.Streamed} }

// Memory is what a target takes, in bytes.
type Memory struct{ Idle, Open int64 }

// Streams opens so many streams, waits until each has had its first chunk, and reads for so long while
// the chunks go on. Open is the most memory that was seen in that time.
func (t Target) Streams(ctx context.Context, streams int, length time.Duration) (m Memory, err error) {
	if m.Idle, err = t.resident(); err != nil {
		return m, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	request, opened, failed := t.request(held()), make(chan struct{}, streams), make(chan error, streams)
	for range streams {
		wait.Go(func() {
			if err := t.hold(ctx, request, func() { opened <- struct{}{} }); err != nil {
				failed <- err
			}
		})
		select {
		case <-opened: // one after the other, so that no queue of new connections overflows
		case err := <-failed:
			return m, err
		}
	}
	ticker, end := time.NewTicker(100*time.Millisecond), time.After(length)
	defer ticker.Stop()
	for {
		select {
		case err := <-failed:
			return m, err
		case <-ctx.Done():
			return m, ctx.Err()
		case <-end:
			return m, nil
		case <-ticker.C:
		}
		now, err := t.resident()
		if err != nil {
			return m, err
		}
		m.Open = max(m.Open, now)
	}
}

// hold reads a stream until ctx ends.
func (t Target) hold(ctx context.Context, request []byte, first func()) error {
	c, err := t.dial(ctx, 10*time.Minute)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if _, err := c.conn.Write(request); err != nil {
		return fmt.Errorf("send a call: %w", err)
	}
	var a answer
	_, err = c.header(&a)
	for chunks := 0; err == nil; chunks++ {
		var size int
		if size, err = c.chunk(); err == nil && size == 0 {
			err = errors.New("the stream ended while it was measured")
		}
		if chunks == 0 && err == nil {
			first()
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("hold a stream: %w", err)
}
