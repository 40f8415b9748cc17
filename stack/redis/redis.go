// Package redis runs miniredis as the Redis of the one-machine stack, where no redis-server is on PATH.
//
// It keeps nothing: what Weir has in Redis is a projection of the log and is restored from it, so a
// restart is the same event as losing a Redis, and the stack exercises it every time. Keys expire a
// little late, by a tenth of a second where there are few. Every command is served by one goroutine at
// a time.
package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Run serves Redis on address until ctx ends.
func Run(ctx context.Context, address string) error {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(address); err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	defer server.Close()
	passTime(ctx, server.FastForward)
	return nil
}

// passTime tells miniredis how much time has passed, since its clock stands still by itself. (Its own
// ClockTTL does that at each command, by sorting all keys: 10,000 of them would make a GET take
// milliseconds.) Telling it is as dear, so it is done every 100 ms and in at most a twentieth of the time.
func passTime(ctx context.Context, advance func(time.Duration)) {
	const every, share = 100 * time.Millisecond, 20
	last := time.Now()
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		advance(now.Sub(last))
		last = now
		timer.Reset(max(every, share*time.Since(now)))
	}
}
