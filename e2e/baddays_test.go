package e2e_test

import (
	"fmt"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/e2e/stacktest"
)

// TestGatewayDiesWhileKafkaIsDown kills the gateway while Kafka is down: what it had spooled is in the books later.
func TestGatewayDiesWhileKafkaIsDown(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	client := stack.Client()
	resume := pause(t, stack, "kafka")
	var answers []stacktest.Answer
	for range 50 {
		answers = append(answers, client.Chat(t.Context(), stacktest.ChatBody("mock/small", "")))
	}
	if err := kill(t.Context(), stack, "gateway"); err != nil {
		t.Error(err)
	}
	resume()
	if err := waitGateway(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.Status != 200 {
			t.Fatalf("a call while Kafka is down is answered %v", a)
		}
	}
	checkRecorded(t, stack, answers...)
	checkAllBalanced(t, stack)
}

// TestSpoolAtItsBound lets the spool fill while Kafka is down: new calls are refused, and served again when
// it has emptied. A refused call cannot be recorded and is nowhere.
func TestSpoolAtItsBound(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{Env: []string{"WEIR_GATEWAY__SPOOL__MAX_BYTES=" + smallSpool}})
	resume := pause(t, stack, "kafka")
	served, refused := callUntilRefused(t, stack)
	checkError(t, refused, http.StatusServiceUnavailable, "router", "cannot_record")
	if a := stack.Client().Do(t.Context(), "GET", "/readyz", nil); a.Status == 200 {
		t.Errorf("a gateway that cannot record says it is ready: %s", a.Body)
	}
	resume()
	served = append(served, callUntilServed(t, stack))
	checkRecorded(t, stack, served...)
	checkAllBalanced(t, stack)
}

// smallSpool is a bound that some hundred calls reach.
const smallSpool = "8MiB"

// TestFullDisk makes every write to a file fail in the running gateway, as on a full disk: new calls are
// refused, and served again when there is space.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Fatal("the limit on a running process's files needs Linux")
	}
	stack := stacktest.New(t, stacktest.Options{})
	served := []stacktest.Answer{stack.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", ""))}
	setFileLimit(t, stack, 1)
	more, refused := callUntilRefused(t, stack)
	checkError(t, refused, http.StatusServiceUnavailable, "router", "cannot_record")
	setFileLimit(t, stack, unix.RLIM_INFINITY)
	served = append(append(served, more...), callUntilServed(t, stack))
	checkRecorded(t, stack, served...)
	checkAllBalanced(t, stack)
}

// setFileLimit sets the size that no file of the gateway may grow beyond. The hard limit stays, so that it
// can be lifted again.
func setFileLimit(t *testing.T, stack *stacktest.Stack, bytes uint64) {
	t.Helper()
	pid, err := stack.Pid("gateway")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatalf("limit the gateway's files: %v", err)
	}
}

// callUntilRefused makes calls until one is answered 503 and returns the ones served before.
func callUntilRefused(t *testing.T, stack *stacktest.Stack) (served []stacktest.Answer, refused stacktest.Answer) {
	t.Helper()
	client := stack.Client()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		a := client.Chat(t.Context(), stacktest.ChatBody("mock/small", ""))
		if a.Status == http.StatusServiceUnavailable {
			return served, a
		}
		if a.Status != 200 || a.Err != nil {
			t.Fatalf("a call is answered %v", a)
		}
		served = append(served, a)
	}
	t.Fatalf("none of %d calls was refused", len(served))
	return nil, stacktest.Answer{}
}

// callUntilServed makes calls until one is served and returns it.
func callUntilServed(t *testing.T, stack *stacktest.Stack) (a stacktest.Answer) {
	t.Helper()
	client := stack.Client()
	stacktest.Eventually(t, 30*time.Second, func() error {
		if a = client.Chat(t.Context(), stacktest.ChatBody("mock/small", "")); a.Status != 200 || a.Err != nil {
			return fmt.Errorf("a call is answered %v", a)
		}
		return nil
	})
	return a
}

// pause stops a part of the stack until resume is called, or the test ends.
func pause(t *testing.T, stack *stacktest.Stack, name string) (resume func()) {
	t.Helper()
	pid, err := stack.Pid(name)
	if err != nil {
		t.Fatal(err)
	}
	send := func(signal syscall.Signal) {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Errorf("send %v to %s: %v", signal, name, err)
		}
	}
	send(syscall.SIGSTOP)
	paused := true
	resume = func() {
		if paused {
			paused = false
			send(syscall.SIGCONT)
		}
	}
	t.Cleanup(resume)
	return resume
}

// checkAllBalanced waits until the three tables have the same calls, each once, and every call that the
// provider served.
func checkAllBalanced(t *testing.T, stack *stacktest.Stack) {
	t.Helper()
	books := stacktest.OpenBooks(t, stack)
	stacktest.Eventually(t, time.Minute, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		return c.Balanced()
	})
	usage, err := books.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := stack.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong(usage, ledger))
	checkAudit(t, stack)
}

// checkAudit waits until every rollup adds up to the facts, and sees that the audit of the whole log finds
// nothing, not even a call that is open.
func checkAudit(t *testing.T, stack *stacktest.Stack) {
	t.Helper()
	books := stacktest.OpenBooks(t, stack)
	stacktest.Eventually(t, closing, func() error { return books.CompareRollups(t.Context()) })
	if r, text := audited(t, stack, "audit", "--full", "--open-after=1ms"); !r.Clean {
		t.Errorf("the audit finds:\n%s", text)
	}
}
