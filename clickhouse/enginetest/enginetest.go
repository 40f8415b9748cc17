// Package enginetest gives tests a real ClickHouse: the engine of the
// one-machine stack in a child process that is the test binary itself.
//
// Guarantee: a server answers on the native protocol when Start returns, keeps
// its data in the folder it was given, also across Kill and a new Start, and
// ends with the process that started it, however that ends.
//
// Concurrency: a Server belongs to one goroutine; its address to any number.
//
// Failure: no engine in the cache and none to be fetched, or a server that does
// not come up, is an error; nothing is skipped.
package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/stack/engine"
	"weir/stack/ports"
)

// childEnv holds the engine.Server that a re-executed test binary is to be.
const childEnv = "WEIR_ENGINETEST_CHILD"

// startLimit bounds the time from the start of the process to the first answer.
const startLimit = 60 * time.Second

// Server is a running ClickHouse.
type Server struct {
	spec    engine.Server
	addr    string
	http    string
	command *exec.Cmd
	stdin   io.Closer  // the child ends when it is closed
	ports   *ports.Set // held while the server lives
	exited  chan error
}

// Run starts a server on a folder of its own, sets *shared to it, runs the tests
// and returns the exit code. A TestMain does nothing else:
//
//	func TestMain(m *testing.M) { os.Exit(enginetest.Run(m, &server)) }
func Run(m *testing.M, shared **Server) int {
	ServeIfChild()
	dir, err := os.MkdirTemp("", "weir-enginetest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for ClickHouse:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	server, err := Start(context.Background(), dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Kill()
	*shared = server
	return m.Run()
}

// ServeIfChild is the engine's side: in a process that Start made it serves and
// never returns, in any other it does nothing. Run calls it; a TestMain without
// Run calls it first.
func ServeIfChild() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	go func() { // owns stdin: its end is the parent's
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
		// The engine may hang while it closes; the parent is gone either way.
		time.AfterFunc(10*time.Second, func() { os.Exit(1) })
	}()
	var server engine.Server
	err := json.Unmarshal([]byte(text), &server)
	if err == nil {
		err = server.Serve(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve the ClickHouse engine:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// config is the smallest that the engine serves with. Logs of the system's own
// are left out, so it writes nothing that the tests do not ask for.
const config = `<clickhouse>
  <logger><level>warning</level><log>%[1]s/server.log</log><errorlog>%[1]s/server.err.log</errorlog></logger>
  <tmp_path>%[1]s/tmp/</tmp_path>
  <mark_cache_size>67108864</mark_cache_size>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
</clickhouse>
`

// Start starts a server on a folder and returns when it answers.
func Start(ctx context.Context, dir string) (_ *Server, err error) {
	library, err := engine.Fetch(ctx, os.Stderr)
	if err != nil {
		return nil, fmt.Errorf("find the ClickHouse engine: %w", err)
	}
	set, err := ports.NewSet("")
	if err != nil {
		return nil, fmt.Errorf("choose ports for ClickHouse: %w", err)
	}
	defer func() {
		if err != nil {
			set.Release()
		}
	}()
	spec := engine.Server{Library: library, Config: filepath.Join(dir, "config.xml"), Data: dir, Host: ports.Host}
	for _, port := range []*int{&spec.Native, &spec.HTTPPort} {
		if *port, err = set.Free(ctx); err != nil {
			return nil, fmt.Errorf("choose ports for ClickHouse: %w", err)
		}
	}
	if err := os.WriteFile(spec.Config, fmt.Appendf(nil, config, dir), 0o600); err != nil {
		return nil, fmt.Errorf("write ClickHouse's configuration: %w", err)
	}
	return startChild(ctx, spec, set)
}

// Restart starts a server that was killed again, on the same folder and the same
// address. The old one is not to be used any more.
func (s *Server) Restart(ctx context.Context) (*Server, error) {
	set, err := ports.NewSet("")
	if err != nil {
		return nil, fmt.Errorf("choose ports for ClickHouse: %w", err)
	}
	for _, port := range []int{s.spec.Native, s.spec.HTTPPort} {
		if err := set.Take(port); err != nil {
			set.Release()
			return nil, fmt.Errorf("take port %d again: %w", port, err)
		}
	}
	return startChild(ctx, s.spec, set)
}

func startChild(ctx context.Context, spec engine.Server, set *ports.Set) (*Server, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the test binary: %w", err)
	}
	s := &Server{
		spec:    spec,
		addr:    net.JoinHostPort(spec.Host, strconv.Itoa(spec.Native)),
		http:    net.JoinHostPort(spec.Host, strconv.Itoa(spec.HTTPPort)),
		command: exec.Command(self),
		ports:   set,
		exited:  make(chan error, 1),
	}
	s.command.Env = append(os.Environ(), childEnv+"="+string(text))
	s.command.Stderr = os.Stderr
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	go func() { s.exited <- s.command.Wait() }()
	if err := s.waitUntilItAnswers(ctx); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

func (s *Server) waitUntilItAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if answers(s.addr) && answers(s.http) {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-s.exited:
			s.exited <- err
			return errors.Join(errors.New("ClickHouse ended before it answered"), err)
		case <-ctx.Done():
			return fmt.Errorf("wait for ClickHouse: %w", ctx.Err())
		}
	}
}

func answers(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// Addr is host:port of the native protocol.
func (s *Server) Addr() string { return s.addr }

// Query asks over HTTP, as a user's tool would, and returns the rows as lines of
// tab-separated values.
func (s *Server) Query(ctx context.Context, database, statement string) ([]string, error) {
	address := "http://" + s.http + "/?database=" + url.QueryEscape(database)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(statement))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("query ClickHouse: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read ClickHouse's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("query ClickHouse: %s", strings.TrimSpace(string(body)))
	}
	if len(body) == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(string(body), "\n"), "\n"), nil
}

// Ended tells whether the server ends by itself within the limit, as this engine
// may when a client is killed in the midst of a query.
func (s *Server) Ended(limit time.Duration) bool {
	select {
	case err := <-s.exited:
		s.exited <- err
		return true
	case <-time.After(limit):
		return false
	}
}

// Kill ends the server as a power cut would (SIGKILL) and waits for it to be
// gone. The folder can be started again.
func (s *Server) Kill() {
	_ = s.command.Process.Kill()
	err := <-s.exited
	s.exited <- err
	s.stdin.Close()
	s.ports.Release() // once is enough, and more do no harm
}
