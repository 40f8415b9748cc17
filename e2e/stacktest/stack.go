// Package stacktest starts Weir's one-machine stack as its users do, by running bin/stack, and reads
// what it leaves behind: the rows of ClickHouse over the native protocol and the mock provider's ledger.
//
// Guarantee: nothing of Weir is imported; only the command line, the ready file, HTTP and SQL are used.
// A stack never outlives the process that started it.
// Concurrency: a Stack may be used by any number of goroutines; Stop and Kill may be called again.
// Failure: every error carries the end of what the stack printed, since that is where the reason stands.
package stacktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
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
	Ready   // as it was when the stack became ready; Pid has the present process ids
	Data    string
	file    string
	process *os.Process
	output  *output
	exited  chan struct{} // closed when the process has ended
	err     error         // how it ended; read after exited
}

// Binary is the path of one of Weir's binaries: in $WEIR_BIN, else in bin beside the e2e folder.
func Binary(name string) (string, error) {
	folder := os.Getenv("WEIR_BIN")
	if folder == "" {
		folder = filepath.Join("..", "bin")
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
	binary, err := Binary("stack")
	if err != nil {
		return nil, err
	}
	if o.Ready == "" {
		o.Ready = filepath.Join(o.Data, "ready.json")
	}
	s := &Stack{Data: o.Data, file: o.Ready, output: &output{}, exited: make(chan struct{})}
	if err := os.Remove(s.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove an old ready file: %w", err)
	}
	args := append([]string{"--data", o.Data, "--ready", s.file}, o.Args...)
	if !strings.Contains(strings.Join(o.Args, " "), "--ports") {
		args = append(args, "--ports", "auto")
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.Stdout, cmd.Stderr = s.output, s.output
	// A test that is killed takes its stack with it. Linux ties this to the thread that started the
	// child, so one goroutine keeps its thread from the start until the end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			s.err = cmd.Wait()
			close(s.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the stack: %w", err)
	}
	s.process = cmd.Process
	return s, nil
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
func (s *Stack) StackPid() int { return s.process.Pid }

// Stop ends the stack by SIGTERM; it is an error when it takes too long or does not end well.
func (s *Stack) Stop() error {
	_ = s.process.Signal(syscall.SIGTERM) // fails only when it has ended already
	deadline := time.NewTimer(stopLimit)
	defer deadline.Stop()
	select {
	case <-s.exited:
	case <-deadline.C:
		s.Kill()
		return fmt.Errorf("the stack did not stop within %v\n%s", stopLimit, s.Output())
	}
	if s.err != nil {
		return fmt.Errorf("the stack stopped with an error: %w\n%s", s.err, s.Output())
	}
	return nil
}

// Kill ends the stack by SIGKILL.
func (s *Stack) Kill() {
	_ = s.process.Kill() // fails only when it has ended already
	<-s.exited
}

// Wait waits for the stack to end by itself and returns its exit code.
func (s *Stack) Wait(limit time.Duration) (int, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	select {
	case <-s.exited:
	case <-deadline.C:
		return 0, fmt.Errorf("the stack still runs after %v\n%s", limit, s.Output())
	}
	if exit := (*exec.ExitError)(nil); errors.As(s.err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, s.err
}

// Output is what the stack has printed so far.
func (s *Stack) Output() string { return s.output.String() }

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

// output keeps what a process prints. The mutex owns the buffer.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

// String is the end of what was printed, at most 16 kB of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buffer.Bytes()
	return string(text[max(0, len(text)-16<<10):])
}
