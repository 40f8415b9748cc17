package supervisor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func listenUnix(socket string) (net.Listener, error) { return net.Listen("unix", socket) }

// askServer returns the pid of the fake server that answers on the socket.
func askServer(ctx context.Context, socket string) (int, error) {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://fake/", nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(body))
}

func alive(pid int) bool {
	// A zombie still has a pid; it is gone for everyone but its parent.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat("/proc/self/stat"); err != nil {
			return syscall.Kill(pid, 0) == nil
		}
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestStartWaitsUntilTheChildAnswers(t *testing.T) {
	s, _ := newSupervisor(t)
	dir := t.TempDir()
	if err := s.Start(t.Context(), server(dir, "one", "server")); err != nil {
		t.Fatal(err)
	}
	pid, err := askServer(t.Context(), filepath.Join(dir, "one"))
	if err != nil {
		t.Fatalf("right after Start: %v", err)
	}
	if got := s.PIDs()["one"]; got != pid {
		t.Errorf("PIDs says %d, the server itself %d", got, pid)
	}
}

func TestDeadChildIsStartedAgainWithinASecond(t *testing.T) {
	s, reports := newSupervisor(t)
	dir := t.TempDir()
	if err := s.Start(t.Context(), server(dir, "one", "server")); err != nil {
		t.Fatal(err)
	}
	for round := 1; round <= 3; round++ {
		old := s.PIDs()["one"]
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Second, "a new process answers", func() bool {
			pid, err := askServer(t.Context(), filepath.Join(dir, "one"))
			return err == nil && pid != old
		})
		eventually(t, time.Second, "the owner is told", func() bool { return reports.changed() == round && s.PIDs()["one"] != old })
	}
	if got := strings.Count(reports.text(), "one ended (signal: killed) and is started again"); got != 3 {
		t.Errorf("%d of 3 deaths were reported:\n%s", got, reports.text())
	}
}

func TestChildThatNeverAnswersIsGivenUp(t *testing.T) {
	s, _ := newSupervisor(t)
	spec := server(t.TempDir(), "one", "failing")
	began := time.Now()
	err := s.Start(t.Context(), spec)
	var failed *StartError
	if !errors.As(err, &failed) {
		t.Fatalf("Start = %v, want a *StartError", err)
	}
	if want := "it ended 3 times before it answered, at last with exit status 3"; failed.Reason != want {
		t.Errorf("reason %q, want %q", failed.Reason, want)
	}
	if len(failed.Tail) != 1 || !strings.HasPrefix(failed.Tail[0], "cannot open the spool") {
		t.Errorf("the end of its log is %q", failed.Tail)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("giving up took %v", took)
	}
	if pids := s.PIDs(); len(pids) != 0 {
		t.Errorf("children are left: %v", pids)
	}
}

func TestMissingProgram(t *testing.T) {
	s, _ := newSupervisor(t)
	spec := Spec{Name: "one", Path: "/does/not/exist", Log: filepath.Join(t.TempDir(), "log")}
	for what, start := range map[string]func(context.Context, Spec) error{"Start": s.Start, "Run": s.Run} {
		var failed *StartError
		if err := start(t.Context(), spec); !errors.As(err, &failed) || !strings.Contains(failed.Reason, "no such file") {
			t.Errorf("%s = %v, want a *StartError about the file", what, err)
		}
	}
}

func TestChildThatHangsIsGivenUp(t *testing.T) {
	s, _ := newSupervisor(t)
	spec := server(t.TempDir(), "one", "server")
	spec.StartTimeout = 200 * time.Millisecond
	spec.Ready = func(context.Context) error { return errors.New("not yet") }
	err := s.Start(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), "it does not answer after 200ms (not yet)") {
		t.Errorf("Start = %v", err)
	}
	if pids := s.PIDs(); len(pids) != 0 {
		t.Errorf("children are left: %v", pids)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	s, _ := newSupervisor(t)
	spec := server(t.TempDir(), "one", "server")
	ctx, cancel := context.WithCancel(t.Context())
	spec.Ready = func(context.Context) error { cancel(); return errors.New("not yet") }
	if err := s.Start(ctx, spec); !errors.Is(err, context.Canceled) {
		t.Errorf("Start = %v, want %v", err, context.Canceled)
	}
	if pids := s.PIDs(); len(pids) != 0 {
		t.Errorf("children are left: %v", pids)
	}
}

func TestStopIsInTheOrderOfItsCalls(t *testing.T) {
	s, reports := newSupervisor(t)
	dir := t.TempDir()
	for _, name := range []string{"c", "a", "b"} {
		if err := s.Start(t.Context(), server(dir, name, "server")); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop(5*time.Second, "a")
	s.Stop(5*time.Second, "b", "absent")
	s.Stop(5*time.Second, "c")
	if got, _ := os.ReadFile(filepath.Join(dir, "stopped")); string(got) != "a\nb\nc\n" {
		t.Errorf("they stopped in the order %q", got)
	}
	if reports.text() != "" {
		t.Errorf("a person was told %q of an ordinary stop", reports.text())
	}
}

func TestStopKillsWhatDoesNotHeed(t *testing.T) {
	s, reports := newSupervisor(t)
	if err := s.Start(t.Context(), server(t.TempDir(), "one", "stubborn")); err != nil {
		t.Fatal(err)
	}
	pid := s.PIDs()["one"]
	s.Stop(100*time.Millisecond, "one")
	if alive(pid) {
		t.Error("it is alive")
	}
	if want := "one did not stop within 100ms and was killed"; reports.text() != want {
		t.Errorf("a person was told %q, want %q", reports.text(), want)
	}
}

func TestChildrenDieWithAKilledSupervisor(t *testing.T) {
	for _, role := range []string{"supervisor", "orphaned"} {
		t.Run(role, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), roleVariable+"="+role+" "+t.TempDir())
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			var pids []int
			for field := range strings.FieldsSeq(line) {
				pid, err := strconv.Atoi(field)
				if err != nil || !alive(pid) {
					t.Fatalf("the supervisor said %q", line)
				}
				pids = append(pids, pid)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			for _, pid := range pids {
				eventually(t, 2*time.Second, fmt.Sprintf("child %d is gone", pid), func() bool { return !alive(pid) })
			}
		})
	}
}

func TestLogIsBoundedAndKeepsTheTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "one.log")
	var complaints []string
	log, err := openLog(path, func(line string) { complaints = append(complaints, line) })
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 10_000) + "\n"
	for range 3 * logLimit / len(line) {
		_, _ = io.WriteString(log, line)
	}
	_, _ = io.WriteString(log, "time=now level=ERROR msg=\"disk is full\"\nthe last")
	for _, file := range []string{path, path + ".1"} {
		if info, err := os.Stat(file); err != nil || info.Size() > logLimit {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	if got := log.Tail(); len(got) != tailLines+1 || got[tailLines] != "the last" {
		t.Errorf("the tail has %d lines and ends with %q", len(got), got[len(got)-1])
	}
	if len(complaints) != 1 || !strings.Contains(complaints[0], "disk is full") {
		t.Errorf("a person was told %q", complaints)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}
