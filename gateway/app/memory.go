package app

import (
	"os"
	"runtime/debug"
)

// What the gateway keeps is small, and what a call needs is garbage at its end:
// at Go's default of 100 % the collector takes a twentieth of the CPU. It runs
// less often at gcPercent, up to softMemory, from where on it runs as often as
// it must.
const (
	gcPercent  = 400
	softMemory = 2 << 30
)

// tuneCollector sets the process's collector, where the operator has not.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
}
