package e2e_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// sessionTimeout is the shortest that Weir lets its consumers have, so that a pause longer than it is short.
const sessionTimeout = 6 * time.Second

// impatient is the environment of a stack whose consumers lose their partitions after sessionTimeout.
func impatient() stacktest.Options {
	return stacktest.Options{Env: []string{"WEIR_KAFKA__SESSION_TIMEOUT=" + sessionTimeout.String()}}
}

// outage is how long a part is away: five seconds, or $WEIR_E2E_OUTAGE.
func outage(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("WEIR_E2E_OUTAGE")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("read WEIR_E2E_OUTAGE: %v", err)
	}
	return d
}

// faults are what happens to a part. Each returns when the part has been let go again.
func faults() []fault {
	return []fault{
		{"killed", func(t *testing.T, stack *stacktest.Stack, part string) {
			if err := kill(t.Context(), stack, part); err != nil {
				t.Error(err)
			}
		}},
		// A paused process keeps its connections and answers nothing, which is the worse half of being
		// down; when it goes on it knows nothing of the time that has passed.
		{"paused", func(t *testing.T, stack *stacktest.Stack, part string) {
			resume := pause(t, stack, part)
			defer resume()
			wait(t.Context(), sessionTimeout+3*time.Second)
		}},
		{"away", func(t *testing.T, stack *stacktest.Stack, part string) {
			resume := takeAway(t, stack, part)
			defer resume()
			wait(t.Context(), outage(t))
		}},
	}
}

type fault struct {
	name    string
	inflict func(t *testing.T, stack *stacktest.Stack, part string)
}

// TestCrashMatrix inflicts every fault on every part under load, plain and streamed. Whatever happens behind
// the gateway, every call is answered; and afterwards the books are those of the provider, to the last digit.
func TestCrashMatrix(t *testing.T) {
	for _, part := range []string{"gateway", "ingest", "aggregator", "kafka", "clickhouse", "redis"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel() // most of the time is waiting
			w := newWorld(t)
			for _, f := range faults() {
				t.Run(f.name, func(t *testing.T) {
					w.during(t, func() { f.inflict(t, w.stack, part) })
					if part != "gateway" {
						w.allAnswered(t)
					}
					w.balanced(t)
				})
			}
		})
	}
}

// world is a stack, the gateways that its clients call, and every call that was made.
type world struct {
	stack   *stacktest.Stack
	clients []*stacktest.Client
	answers []stacktest.Answer
}

// newWorld starts a stack; more gateways can be added to its clients.
func newWorld(t *testing.T) *world {
	t.Helper()
	stack := stacktest.New(t, impatient())
	return &world{stack: stack, clients: []*stacktest.Client{stack.Client()}}
}

// The load of a world: as many callers for each gateway, with a pause between their calls, so that a minute
// makes some ten thousand calls and not a million.
const (
	callersPerGateway = 12
	betweenCalls      = 50 * time.Millisecond
	settling          = time.Second // before and after what happens
)

// during makes calls without end while something happens, and notes their answers.
func (w *world) during(t *testing.T, happens func()) {
	t.Helper()
	ended := make(chan struct{})
	var next atomic.Int64
	var mu sync.Mutex // owns w.answers
	var callers sync.WaitGroup
	next.Store(int64(len(w.answers)))
	for _, client := range w.clients {
		l := &load{client: client}
		for range callersPerGateway {
			callers.Go(func() {
				for !over(ended) {
					a := l.call(t.Context(), int(next.Add(1)))
					mu.Lock()
					w.answers = append(w.answers, a)
					mu.Unlock()
					if a.Status == 0 {
						_ = waitGateway(t.Context(), client) // the load goes on or fails by itself
					}
					wait(t.Context(), betweenCalls)
				}
			})
		}
	}
	wait(t.Context(), settling)
	happens()
	wait(t.Context(), settling)
	close(ended)
	callers.Wait()
	for _, client := range w.clients {
		if err := waitGateway(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
}

// over says whether a channel is closed.
func over(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// wait returns after a time, in which something is let to go on.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// allAnswered sees that no call was left without an answer of the gateway.
func (w *world) allAnswered(t *testing.T) {
	t.Helper()
	for i, a := range w.answers {
		if a.Status == 0 || a.RequestID == "" {
			t.Errorf("call %d of %d is answered %v", i, len(w.answers), a)
			return
		}
	}
}

// closing is how long the books may take until they are closed on a machine that is busy with other things.
const closing = 2 * time.Minute

// balanced waits until the books are closed and compares them with what was served: every call that gave its
// client a byte is in each table once, with the provider's tokens and their cost; only calls closed as
// abandoned differ from its ledger; every rollup adds up to the facts; and the audit finds nothing.
func (w *world) balanced(t *testing.T) {
	t.Helper()
	// The last calls go behind everything else in each partition: once they are in the books, what the
	// gateways before them sent is, too.
	for _, client := range w.clients {
		last := &load{client: client, calls: 60, callers: 4}
		last.run(t.Context())
		w.answers = append(w.answers, last.answers...)
	}
	books := stacktest.OpenBooks(t, w.stack)
	stacktest.Eventually(t, closing, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		if c.Requests > uint64(len(w.answers)) {
			return stacktest.Final(fmt.Errorf("%d calls were made and there are %+v", len(w.answers), c))
		}
		return c.Balanced()
	})
	usage := stacktest.WaitUsage(t, books, closing, w.answers...)
	ledger, err := w.stack.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong(usage, ledger))
	report(t, broken(w.answers, usage))
	lost, closed := 0, 0
	for _, a := range w.answers {
		if a.RequestID == "" {
			lost++
		}
	}
	for _, u := range usage {
		if u.ErrorKind == abandoned {
			closed++
		}
	}
	t.Logf("%d calls, %d of them without an answer; %d rows, %d of them abandoned", len(w.answers), lost, len(usage), closed)
	checkAudit(t, w.stack)
	c, err := books.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Are(len(usage)); err != nil {
		t.Error(err)
	}
}

// takeAway kills a part and stops the process that the stack starts in its place at its first breath, before
// it listens: nothing is there until resume is called, or the test ends.
func takeAway(t *testing.T, stack *stacktest.Stack, part string) (resume func()) {
	t.Helper()
	before, err := stack.Pid(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", part, err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(restart)
	for {
		if pid, err := stack.Pid(part); err == nil && pid != before {
			return pause(t, stack, part)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s was not started again within %v", part, restart)
		}
	}
}
