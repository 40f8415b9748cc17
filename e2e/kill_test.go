package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// restart is how long a killed part may take until it is there again under a new pid.
const restart = 15 * time.Second

// TestKillUnderLoad kills the gateway, ingest and the aggregator once each under the mixed load.
func TestKillUnderLoad(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	killUnderLoad(t, stack, "gateway", "ingest", "aggregator")
}

// TestKillServersUnderLoad does the same to the servers that Weir rests on.
func TestKillServersUnderLoad(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	killUnderLoad(t, stack, "kafka", "clickhouse", "redis")
}

// killUnderLoad kills the named parts one after the other while 2,000 calls are made, and then sees that
// every call that gave its client a byte is in the books once, and that only calls closed as abandoned
// differ from the provider's ledger.
func killUnderLoad(t *testing.T, stack *stacktest.Stack, names ...string) {
	l := &load{client: stack.Client(), calls: 2000, callers: 32}
	due := make(chan struct{}, len(names))
	l.onDone = func(done int) {
		if share := l.calls / (len(names) + 1); done%share == 0 && done/share <= len(names) {
			due <- struct{}{}
		}
	}
	l.onLost = func(ctx context.Context) { _ = waitGateway(ctx, stack) } // the load goes on or fails by itself
	var killing sync.WaitGroup
	killing.Go(func() {
		for _, name := range names {
			<-due
			if err := kill(t.Context(), stack, name); err != nil {
				t.Error(err)
			}
		}
	})
	l.run(t.Context())
	killing.Wait()
	if err := waitGateway(t.Context(), stack); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, a := range l.answers {
		if a.RequestID == "" {
			lost++
		}
	}
	t.Logf("%d of %d calls got no answer", lost, l.calls)
	checkAfterKills(t, stack, l)
}

// checkAfterKills waits until the books are closed and compares them with what was served.
func checkAfterKills(t *testing.T, stack *stacktest.Stack, l *load) {
	books := stacktest.OpenBooks(t, stack)
	// The last calls go behind everything else in each partition: once they are in the books, what the
	// gateway before them sent is, too.
	last := &load{client: stack.Client(), calls: 60, callers: 4}
	last.run(t.Context())
	answers := append(append([]stacktest.Answer{}, l.answers...), last.answers...)
	stacktest.Eventually(t, time.Minute, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		if c.Requests > uint64(len(answers)) {
			return stacktest.Final(fmt.Errorf("%d calls were made and there are %+v", len(answers), c))
		}
		return c.Balanced()
	})
	usage := stacktest.WaitUsage(t, books, time.Minute, answers...)
	ledger, err := stack.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong(usage, ledger))
	report(t, broken(answers, usage))
	closed := 0
	for _, u := range usage {
		if u.ErrorKind == abandoned {
			closed++
		}
	}
	t.Logf("%d rows, %d of them abandoned", len(usage), closed)
	stacktest.Eventually(t, time.Minute, func() error { return books.CompareRollups(t.Context()) })
	c, err := books.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Are(len(usage)); err != nil {
		t.Error(err)
	}
}

// kill kills a part of the stack and waits until the stack has started it again.
func kill(ctx context.Context, stack *stacktest.Stack, name string) error {
	before, err := stack.Pid(name)
	if err != nil {
		return err
	}
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	err = stacktest.Until(ctx, restart, func() error {
		now, err := stack.Pid(name)
		if err == nil && now == before {
			err = errors.New("the ready file still has the old pid")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for %s to be started again: %w", name, err)
	}
	return nil
}

// waitGateway waits until the gateway answers again.
func waitGateway(ctx context.Context, stack *stacktest.Stack) error {
	client := stack.Client()
	return stacktest.Until(ctx, restart, func() error {
		if a := client.Do(ctx, http.MethodGet, "/v1/models", nil); a.Status != http.StatusOK {
			return fmt.Errorf("the gateway answers %v", a)
		}
		return nil
	})
}
