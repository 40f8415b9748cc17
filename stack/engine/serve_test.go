package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/stack/ports"
)

// Environment of the test binary when it is the engine: "native port,http port,folder".
const serveVariable = "WEIR_TEST_SERVE_ENGINE"

func TestMain(m *testing.M) {
	if spec := os.Getenv(serveVariable); spec != "" {
		os.Exit(serve(spec))
	}
	os.Exit(m.Run())
}

func serve(spec string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fields := strings.SplitN(spec, ",", 3)
	native, err1 := strconv.Atoi(fields[0])
	httpPort, err2 := strconv.Atoi(fields[1])
	library, err3 := Library()
	if err := errors.Join(err1, err2, err3); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	err := Server{
		Library: library, Config: filepath.Join(fields[2], "config.xml"), Data: filepath.Join(fields[2], "data"),
		Host: ports.Host, Native: native, HTTPPort: httpPort,
	}.Serve(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// The engine serves, keeps what it acknowledged over a kill, and ends by itself when told to.
func TestServe(t *testing.T) {
	if _, err := Library(); err != nil {
		t.Fatalf("this test needs the engine: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.xml"), []byte("<clickhouse></clickhouse>"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := startServer(t, dir)
	if got := server.ask(t, "SELECT currentUser()"); got != "default" {
		t.Errorf("the user is %q, want default", got)
	}
	server.ask(t, "CREATE DATABASE kept")
	server.ask(t, "CREATE TABLE kept.t (n Int64) ENGINE = MergeTree ORDER BY n")
	server.ask(t, "INSERT INTO kept.t SELECT number FROM numbers(1000)")
	if err := server.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-server.ended

	server = startServer(t, dir)
	if got := server.ask(t, "SELECT count(), sum(n) FROM kept.t"); got != "1000\t499500" {
		t.Errorf("after a kill the table has %q, want 1000 rows", got)
	}
	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-server.ended:
		if err != nil {
			t.Errorf("told to stop, the engine ended with %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Error("told to stop, the engine runs on after 15 s")
	}
}

type runningServer struct {
	cmd   *exec.Cmd
	url   string
	ended chan error
}

func startServer(t *testing.T, dir string) *runningServer {
	t.Helper()
	set, err := ports.NewSet("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Release)
	native, err1 := set.Free(t.Context())
	httpPort, err2 := set.Free(t.Context())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	s := &runningServer{
		cmd:   exec.Command(os.Args[0]),
		url:   fmt.Sprintf("http://%s:%d/", ports.Host, httpPort),
		ended: make(chan error, 1),
	}
	s.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d,%d,%s", serveVariable, native, httpPort, dir))
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			t.Log(lines.Text())
		}
		s.ended <- s.cmd.Wait()
	}()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })

	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		if resp, err := http.Get(s.url + "ping"); err == nil {
			_ = resp.Body.Close()
			return s
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the engine does not answer after 30 s")
		}
	}
}

func (s *runningServer) ask(t *testing.T, query string) string {
	t.Helper()
	resp, err := http.Post(s.url, "text/plain", strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", query, resp.Status, body, err)
	}
	return strings.TrimSpace(string(body))
}
