package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Info is the ready file: where everything answers, "host:port" each, the development key, and the
// processes by name. Only processes change while a stack runs. Servers that were given by address have
// no process.
type Info struct {
	Gateway          string         `json:"gateway"`
	Kafka            string         `json:"kafka"`
	ClickHouseNative string         `json:"clickhouse_native"`
	ClickHouseHTTP   string         `json:"clickhouse_http"`
	Redis            string         `json:"redis"`
	Provider         string         `json:"provider"`
	APIKey           string         `json:"api_key"`
	PIDs             map[string]int `json:"pids"`
}

// Info is the state at this moment.
func (s *Stack) Info() Info {
	return Info{
		Gateway: s.addresses.gateway, Kafka: s.addresses.kafka,
		ClickHouseNative: s.addresses.clickHouse, ClickHouseHTTP: s.addresses.clickHouseHTTP,
		Redis: s.addresses.redis, Provider: s.addresses.provider,
		APIKey: s.secrets.key, PIDs: s.supervisor.PIDs(),
	}
}

// readyFile is there exactly while everything has answered once and nothing is being stopped. mu owns
// published and the order of writes.
type readyFile struct {
	path string

	mu        sync.Mutex
	published bool
}

func newReadyFile(path string) *readyFile { return &readyFile{path: path} }

// prepare clears what an earlier, killed stack left, so that nobody takes it for this one's, and sees
// that there is a folder to write into.
func (r *readyFile) prepare() error {
	if r.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return fmt.Errorf("cannot write the ready file %s (%w): choose another place with --ready FILE", r.path, cause(err))
	}
	return r.remove()
}

func (r *readyFile) remove() error {
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot replace the ready file %s (%w): choose another place with --ready FILE", r.path, cause(err))
	}
	return nil
}

func (r *readyFile) publish(info Info) error {
	r.mu.Lock()
	r.published = true
	r.mu.Unlock()
	return r.update(info)
}

func (r *readyFile) update(info Info) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.published || r.path == "" {
		return nil
	}
	content, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the ready file: %w", err)
	}
	return writeFile(r.path, append(content, '\n'))
}

func (r *readyFile) retire() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.published || r.path == "" {
		return nil
	}
	r.published = false
	return r.remove()
}
