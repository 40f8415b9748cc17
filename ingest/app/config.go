package app

import (
	"fmt"
	"time"

	"weir/internal/service"
)

// Config is ingest's own section of weir.yaml.
type Config struct {
	// FlushInterval is the least time between two writes that are not full: how long
	// an event waits at most. Default 1s.
	FlushInterval time.Duration `koanf:"flush_interval"`
	// FlushRows is how many rows a batch has at most, 1 to 50,000. Default 50,000.
	FlushRows int `koanf:"flush_rows"`
	// MetricsListen is the address of /healthz, /readyz and /metrics. Default
	// 127.0.0.1:9101.
	MetricsListen string `koanf:"metrics_listen"`
	// MemoryLimit is what the garbage collector keeps the process below while it can,
	// by working more; a backlog would take twice what it needs otherwise. It bounds
	// nothing: GOMEMLIMIT in the environment wins. Default 320MiB.
	MemoryLimit service.Bytes `koanf:"memory_limit"`
}

// maxRows keeps a batch in one native block and one part of each table partition.
const maxRows = 50_000

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{FlushInterval: time.Second, FlushRows: maxRows, MetricsListen: "127.0.0.1:9101", MemoryLimit: 320 << 20}
}

// Validate names the field that cannot be and the remedy.
func (c Config) Validate() error {
	switch {
	case c.FlushInterval <= 0:
		return fmt.Errorf("ingest.flush_interval is %s; it must be more than 0", c.FlushInterval)
	case c.MemoryLimit < 64<<20:
		return fmt.Errorf("ingest.memory_limit is %s; it must be at least 64MiB", c.MemoryLimit)
	case c.FlushRows < 1 || c.FlushRows > maxRows:
		return fmt.Errorf("ingest.flush_rows is %d; it must be 1 to %d", c.FlushRows, maxRows)
	}
	return nil
}
