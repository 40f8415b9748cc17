package service

import (
	"os"
	"runtime/debug"
)

// LimitMemory sets Go's soft limit of memory for this process, unless
// GOMEMLIMIT in its environment does.
func LimitMemory(limit Bytes) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(limit))
	}
}
