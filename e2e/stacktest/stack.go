// Package stacktest starts Weir's one-machine stack as its users do, by running bin/stack, and reads
// what it leaves behind: the rows of ClickHouse over the native protocol and the mock provider's ledger.
//
// Guarantee: nothing of Weir is imported; only the command line, the ready file, HTTP and SQL are used.
// A stack never outlives the process that started it.
// Concurrency: a Stack may be used by any number of goroutines; Stop and Kill may be called again.
// Failure: every error carries the end of what the stack printed, since that is where the reason stands.
package stacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long a stack may take until everything answers, stopLimit how long until it has
// ended after a SIGTERM (which is what the stack promises).
const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
)

// Options say how a stack is started.
type Options struct {
	Data  string   // data folder; it may hold the data of an earlier run
	Ready string   // path of the ready file; ready.json in the data folder when empty
	Args  []string // more arguments; without a --ports among them, free ports are taken
	Env   []string // NAME=value, beside the environment of the test
	Dir   string   // working directory of the stack and its parts; the test's own when empty
}

// Ready is the content of the ready file.
type Ready struct {
	Gateway          string         `json:"gateway"`
	Kafka            string         `json:"kafka"`
	ClickHouseNative string         `json:"clickhouse_native"`
	ClickHouseHTTP   string         `json:"clickhouse_http"`
	Redis            string         `json:"redis"`
	Provider         string         `json:"provider"`
	APIKey           string         `json:"api_key"`
	Pids             map[string]int `json:"pids"`
}

// Stack is a running stack.
type Stack struct {
	Ready // as it was when the stack became ready; Pid has the present process ids
	*process
	Data string
	file string   // the ready file
	env  []string // of the stack, beside that of the test
}

// Binary is the path of one of Weir's binaries: in $WEIR_BIN, else in bin beside the e2e folder, in which the test
// runs. A name that is a whole path is that.
func Binary(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	folder := os.Getenv("WEIR_BIN")
	if folder == "" {
		folder = filepath.Join("..", "bin")
		// A package of tests below the folder runs in its own.
		if _, err := os.Stat("go.mod"); err != nil {
			folder = filepath.Join("..", folder)
		}
	}
	path, err := filepath.Abs(filepath.Join(folder, name))
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find %s (run `make build` first): %w", name, err)
	}
	return path, nil
}

// Launch starts a stack without waiting for it to be ready.
func Launch(o Options) (*Stack, error) {
	if o.Ready == "" {
		o.Ready = filepath.Join(o.Data, "ready.json")
	}
	if err := os.Remove(o.Ready); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("remove an old ready file: %w", err)
	}
	args := append([]string{"--data", o.Data, "--ready", o.Ready}, o.Args...)
	if !strings.Contains(strings.Join(o.Args, " "), "--ports") {
		args = append(args, "--ports", "auto")
	}
	servers, err := serverFlags(o.Args)
	if err != nil {
		return nil, err
	}
	p, err := start("stack", o.Dir, append(args, servers...), o.Env)
	if err != nil {
		return nil, err
	}
	return &Stack{process: p, Data: o.Data, file: o.Ready, env: o.Env}, nil
}

// The worlds that the tests run in: WEIR_E2E_SERVERS is fake (kfake and miniredis, which is the default) or
// real (Apache Kafka and redis-server).
const (
	fakeServers = "fake"
	realServers = "real"
)

// RealServers says whether Kafka and Redis are the real ones, for the few lines that only one of the two obeys.
func RealServers() bool { return os.Getenv("WEIR_E2E_SERVERS") == realServers }

// serverFlags says which servers the stack starts, where the test's own arguments leave it open.
func serverFlags(args []string) ([]string, error) {
	kafka, redis := "kfake", "miniredis"
	switch world := os.Getenv("WEIR_E2E_SERVERS"); world {
	case "", fakeServers:
	case realServers:
		kafka, redis = "apache", "redis"
	default:
		return nil, fmt.Errorf("WEIR_E2E_SERVERS is %q; it is %s or %s", world, fakeServers, realServers)
	}
	var flags []string
	for _, flag := range []struct{ name, given, value string }{
		{"--kafka-server", "--kafka", kafka}, {"--redis-server", "--redis", redis},
	} {
		if !strings.Contains(strings.Join(args, " "), flag.given) {
			flags = append(flags, flag.name, flag.value)
		}
	}
	return flags, nil
}

// Start starts a stack and waits until everything in it answers.
func Start(o Options) (*Stack, error) {
	s, err := Launch(o)
	if err != nil {
		return nil, err
	}
	if err := s.WaitReady(); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// WaitReady waits for the ready file and reads it.
func (s *Stack) WaitReady() error {
	err := Until(context.Background(), startLimit, func() error {
		select {
		case <-s.exited:
			return Final(fmt.Errorf("the stack ended before it was ready: %w", s.err))
		default:
		}
		ready, err := s.readReady()
		s.Ready = ready
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for the stack: %w\n%s", err, s.Output())
	}
	return nil
}

func (s *Stack) readReady() (r Ready, err error) {
	text, err := os.ReadFile(s.file)
	if err != nil {
		return r, fmt.Errorf("read the ready file: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read the ready file: %w", err)
	}
	return r, nil
}

// Pid is the present process id of a part of the stack.
func (s *Stack) Pid(name string) (int, error) {
	ready, err := s.readReady()
	if err != nil {
		return 0, err
	}
	pid := ready.Pids[name]
	if pid == 0 {
		return 0, fmt.Errorf("the ready file has no pid of %s: %v", name, ready.Pids)
	}
	return pid, nil
}

// Signal sends a signal to a part of the stack.
func (s *Stack) Signal(name string, signal syscall.Signal) error {
	pid, err := s.Pid(name)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("send %v to %s: %w", signal, name, err)
	}
	return nil
}

// StackPid is the process id of the stack itself.
func (s *Stack) StackPid() int { return s.os.Pid }

// Banner is what the stack printed for its user when it was ready.
func (s *Stack) Banner() string { return s.printed.String() }

// New starts a stack of its own for one test and stops it at the end, on a data folder that goes with
// the test unless the options name one.
func New(t testing.TB, o Options) *Stack {
	t.Helper()
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the stack printed:\n%s", s.Output())
		}
	})
	return s
}
