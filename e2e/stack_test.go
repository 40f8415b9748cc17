package e2e_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// parts are the processes of a stack, as the ready file names them.
func parts() []string {
	return []string{"gateway", "ingest", "aggregator", "kafka", "clickhouse", "redis", "provider"}
}

// pids are the present process ids of all parts.
func pids(t *testing.T, stack *stacktest.Stack) map[string]int {
	t.Helper()
	list := map[string]int{}
	for _, name := range parts() {
		pid, err := stack.Pid(name)
		if err != nil {
			t.Fatal(err)
		}
		list[name] = pid
	}
	return list
}

// checkGone waits until none of the processes is left.
func checkGone(t *testing.T, limit time.Duration, list map[string]int) {
	t.Helper()
	stacktest.Eventually(t, limit, func() error {
		for name, pid := range list {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !zombie(pid) {
				return fmt.Errorf("%s (%d) is still there", name, pid)
			}
		}
		return nil
	})
}

// zombie says whether a process has ended and only waits for its parent; a container's first process may
// leave orphans in that state for ever.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return len(fields) > 0 && fields[0] == "Z"
}

// TestStopAndRestart stops a stack, sees that nothing of it is left, and starts it again on its data:
// the key and the books are as they were, and what comes is added to them.
func TestStopAndRestart(t *testing.T) {
	data := t.TempDir()
	first, err := stacktest.Start(stacktest.Options{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	before := first.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", ""))
	list := pids(t, first)
	began := time.Now()
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
	checkGone(t, time.Second, list)

	began = time.Now()
	second := stacktest.New(t, stacktest.Options{Data: data})
	took := time.Since(began)
	t.Logf("started again in %v", took.Round(time.Millisecond))
	if second.APIKey != first.APIKey {
		t.Error("the key is another one")
	}
	info, err := os.Stat(filepath.Join(data, "key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file is %v %v", info, err)
	}
	after := second.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", ""))
	if before.Status != 200 || after.Status != 200 {
		t.Errorf("calls before and after are answered %d and %d", before.Status, after.Status)
	}
	books := stacktest.OpenBooks(t, second)
	usage := stacktest.WaitUsage(t, books, visible, before, after)
	if len(usage) != 2 {
		t.Errorf("there are %d rows of two calls", len(usage))
	}
	stacktest.Eventually(t, visible, func() error { return books.CompareRollups(t.Context()) })
}

// TestKilledStackLeavesNothing kills the stack itself, which can do nothing about it any more.
func TestKilledStackLeavesNothing(t *testing.T) {
	data := t.TempDir()
	first, err := stacktest.Start(stacktest.Options{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	a := first.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", ""))
	list := pids(t, first)
	first.Kill()
	checkGone(t, 20*time.Second, list)

	second := stacktest.New(t, stacktest.Options{Data: data})
	stacktest.WaitUsage(t, stacktest.OpenBooks(t, second), visible, a)
	checkAllRecorded(t, second)
}

// checkAllRecorded is checkAllBalanced without the provider's ledger, which ends with the provider.
func checkAllRecorded(t *testing.T, stack *stacktest.Stack) {
	t.Helper()
	books := stacktest.OpenBooks(t, stack)
	stacktest.Eventually(t, visible, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		return c.Balanced()
	})
	checkAudit(t, stack)
}

// TestSecondStackOnTheSameData is refused, and the first goes on.
func TestSecondStackOnTheSameData(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	ready := filepath.Join(t.TempDir(), "ready.json")
	second, err := stacktest.Launch(stacktest.Options{Data: stack.Data, Ready: ready})
	if err != nil {
		t.Fatal(err)
	}
	checkRefused(t, second, stack.Data)
	if a := stack.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", "")); a.Status != 200 {
		t.Errorf("the first stack answers %v", a)
	}
}

// TestTakenPort takes one of the fixed ports, unless somebody else has it already.
func TestTakenPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err == nil {
		defer listener.Close()
	}
	stack, err := stacktest.Launch(stacktest.Options{Data: t.TempDir(), Args: []string{"--ports", "fixed"}})
	if err != nil {
		t.Fatal(err)
	}
	checkRefused(t, stack, "8080")
}

// TestUnusableDataFolder starts a stack where a file is in the place of its data folder.
func TestUnusableDataFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, []byte("not a folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	stack, err := stacktest.Launch(stacktest.Options{Data: file, Ready: filepath.Join(t.TempDir(), "ready.json")})
	if err != nil {
		t.Fatal(err)
	}
	checkRefused(t, stack, file)
}

// checkRefused waits for a stack that must not start: it ends with code 1 and one sentence with part in it.
func checkRefused(t *testing.T, stack *stacktest.Stack, part string) {
	t.Helper()
	code, err := stack.Wait(30 * time.Second)
	if err != nil {
		stack.Kill()
		t.Fatal(err)
	}
	if code != 1 || !strings.Contains(stack.Output(), part) || strings.Contains(stack.Output(), "goroutine ") {
		t.Errorf("the stack ended with code %d and printed:\n%s", code, stack.Output())
	}
}
