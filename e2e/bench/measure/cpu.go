package measure

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat, which is the same on every Linux.
const tick = 10 * time.Millisecond

// CPU is the processor time that the processes have used so far, in user and in kernel mode, to 10 ms.
func CPU(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("read processor times: %w", err)
		}
		// The second field, a name in parentheses, may hold anything; utime and stime are the 14th and 15th.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:13] {
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read processor times: %w", err)
			}
			sum += time.Duration(ticks) * tick
		}
	}
	return sum, nil
}

// Settle waits until the processes have nothing more to do: less than a twentieth of a processor over a
// fifth of a second. What works on for ten seconds is taken as it is.
func Settle(ctx context.Context, pids ...int) error {
	const window = 200 * time.Millisecond
	ticker := time.NewTicker(window)
	defer ticker.Stop()
	last, err := CPU(pids...)
	for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		var now time.Duration
		if now, err = CPU(pids...); now-last <= window/20 {
			break
		}
		last = now
	}
	return err
}
