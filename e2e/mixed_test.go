package e2e_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// TestMixedLoad makes 2,000 mixed calls and sees that the three tables, the provider's ledger and every
// rollup agree to the last digit, and that each row is there soon after its answer.
func TestMixedLoad(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	books := stacktest.OpenBooks(t, stack)
	l := &load{client: stack.Client(), calls: 2000, callers: 32}
	warm := &load{client: stack.Client(), callers: 8}
	if stacktest.RealServers() {
		warm.calls = 600 // a JVM that was just started compiles while it serves
	}
	warm.run(t.Context())

	watching, stop := context.WithCancel(t.Context())
	defer stop()
	type watched struct {
		seen map[string]time.Time
		err  error
	}
	result := make(chan watched, 1)
	go func() {
		seen, err := watch(watching, books)
		result <- watched{seen, err}
	}()
	began := time.Now()
	l.run(t.Context())
	t.Logf("%d calls in %v", l.calls, time.Since(began).Round(time.Millisecond))

	for i, a := range l.answers {
		if a.RequestID == "" {
			t.Fatalf("call %d got no request id: %v", i, a)
		}
	}
	stacktest.Eventually(t, visible, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		return c.Are(warm.calls + l.calls)
	})
	usage := stacktest.WaitUsage(t, books, visible, l.answers...)
	stop()
	w := <-result
	if w.err != nil {
		t.Fatal(w.err)
	}
	checkDelay(t, l.answers, w.seen)

	ledger, err := stack.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong(usage, ledger))
	report(t, broken(l.answers, usage))
	for id, u := range usage {
		if u.UserID == "" && u.Status != http.StatusBadRequest {
			t.Errorf("%s has no user", id)
		}
	}
	stacktest.Eventually(t, visible, func() error { return books.CompareRollups(t.Context()) })
	stacktest.Eventually(t, visible, func() error { return usageAgrees(t.Context(), stack, books, began.Add(-time.Hour)) })
}

// checkDelay sees that 99 of 100 rows were visible within three seconds of the answer's end. A row that
// the watcher never saw was visible between its last look and the end of the waiting, which is later.
func checkDelay(t *testing.T, answers []stacktest.Answer, seen map[string]time.Time) {
	t.Helper()
	delays := make([]time.Duration, len(answers))
	for i, a := range answers {
		at, found := seen[a.RequestID]
		if !found {
			at = time.Now()
		}
		delays[i] = at.Sub(a.End)
	}
	slices.Sort(delays)
	p50, p99 := delays[len(delays)/2], delays[len(delays)*99/100]
	t.Logf("rows were visible after %v (median), %v (p99), %v (last)", p50, p99, delays[len(delays)-1])
	if p99 > 3*time.Second {
		t.Errorf("p99 of the time until a row is visible is %v", p99)
	}
}
