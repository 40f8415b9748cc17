package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Environment of the test binary when it plays a program to be supervised: "role argument".
const roleVariable = "WEIR_TEST_ROLE"

func TestMain(m *testing.M) {
	role, argument, _ := strings.Cut(os.Getenv(roleVariable), " ")
	switch role {
	case "":
		os.Exit(m.Run())
	case "server": // answers on a unix socket until SIGTERM, and notes that it stopped
		runServer(argument, true)
	case "stubborn": // does not heed SIGTERM
		runServer(argument, false)
	case "failing":
		fmt.Println("cannot open the spool: " + argument)
		os.Exit(3)
	case "supervisor": // supervises two servers in a folder until it is killed
		runSupervisor(argument)
	case "undertaker":
		Undertake(os.Stdin)
	case "orphaned": // starts an undertaker and a stubborn server, watched by it, and waits to be killed
		runWithUndertaker(argument)
	}
	os.Exit(0)
}

func runServer(socket string, heed bool) {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	_ = os.Remove(socket)
	listener, err := listenUnix(socket)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, os.Getpid())
		}))
	}()
	for range terminated {
		if heed {
			note(filepath.Join(filepath.Dir(socket), "stopped"), filepath.Base(socket))
			os.Exit(0)
		}
	}
}

func runSupervisor(dir string) {
	s, err := New(Options{Report: func(string) {}, Undertaker: undertaker()})
	if err == nil {
		err = errors.Join(
			s.Start(context.Background(), server(dir, "one", "server")),
			s.Start(context.Background(), server(dir, "two", "stubborn")),
		)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.PIDs()["one"], s.PIDs()["two"])
	select {}
}

func runWithUndertaker(dir string) {
	guard, err := startUndertaker(undertaker())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	spec := server(dir, "watched", "stubborn")
	pid, err := syscall.ForkExec(spec.Path, []string{spec.Path}, &syscall.ProcAttr{Env: environment(spec.Env)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	guard.watch(1 << 30)
	guard.unwatch(1 << 30)
	guard.watch(pid)
	fmt.Println(pid)
	select {}
}

func undertaker() []string {
	return []string{"/usr/bin/env", roleVariable + "=undertaker", os.Args[0]}
}

// server is the spec of a fake server that answers on the socket dir/name.
func server(dir, name, role string) Spec {
	socket := filepath.Join(dir, name)
	return Spec{
		Name: name, Path: os.Args[0], Log: filepath.Join(dir, "logs", name+".log"),
		Env: []string{roleVariable + "=" + role + " " + socket},
		Ready: func(ctx context.Context) error {
			_, err := askServer(ctx, socket)
			return err
		},
	}
}

// note appends a line to a file.
func note(path, line string) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintln(file, line)
	_ = file.Close()
}

// reports collects what a person would see.
type reports struct {
	mu      sync.Mutex // owns lines and changes
	lines   []string
	changes int
}

func (r *reports) options() Options {
	return Options{
		Report: func(line string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lines = append(r.lines, line)
		},
		Changed: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changes++
		},
	}
}

func (r *reports) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func (r *reports) changed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changes
}

func newSupervisor(t *testing.T) (*Supervisor, *reports) {
	t.Helper()
	var r reports
	s, err := New(r.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, &r
}

// eventually polls until the condition holds, and fails the test after the limit.
func eventually(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(limit)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
