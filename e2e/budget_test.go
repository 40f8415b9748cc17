package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"weir/e2e/stacktest"
)

// underBudget is how long callers may take to spend a budget on a machine that is busy with other things.
const underBudget = 2 * time.Minute

// patient is the environment of gateways that do not take a busy machine for a Redis that is away.
func patient() stacktest.Options {
	return stacktest.Options{Env: []string{"WEIR_REDIS__TIMEOUT=5s"}}
}

// TestBudgetUnderLoad lets a thousand callers at two gateways spend one dollar until all of them are refused, and
// kills a gateway meanwhile. No more than the dollar is spent and hardly less; the books are the provider's, the live
// sums are those of the books; and what the dead gateway had reserved is free.
func TestBudgetUnderLoad(t *testing.T) {
	stack := stacktest.New(t, patient())
	s := newSpenders(t, stack, 1000)
	s.spend(t, 400, func() {
		if err := kill(t.Context(), stack, "gateway"); err != nil {
			t.Error(err)
		}
	})
	for _, a := range s.answers {
		// A gateway that was just started has yet to look whether Redis is whole.
		if a.Status == http.StatusServiceUnavailable && !strings.Contains(a.Body, "budgets_away") {
			t.Errorf("a call is answered %v", a)
		}
	}
	s.reconciled(t)
	s.nothingReserved(t)
}

// TestBudgetsAfterFlushAll empties Redis under load. While it is restored from the log and from what the gateways
// have open, the key with a budget is refused and a key without goes on; then the budget is spent to its end, and
// neither passed nor forgotten in part.
func TestBudgetsAfterFlushAll(t *testing.T) {
	stack := stacktest.New(t, patient())
	s := newSpenders(t, stack, 200)
	unlimited, stop := context.WithCancel(t.Context())
	defer stop()
	var others sync.WaitGroup
	without := &spenders{} // the answers to a key without a budget
	for i := range 8 {
		client := s.clients[i%len(s.clients)]
		others.Go(func() {
			for unlimited.Err() == nil {
				// A call that was begun is ended, so that each has an answer.
				a := client.Chat(t.Context(), stacktest.ChatBody("mock/small:latency=20ms", ""))
				if a.Status != http.StatusOK || a.Err != nil {
					t.Errorf("a call on a key without a budget is answered %v", a)
				}
				without.note(a)
			}
		})
	}
	s.spend(t, 300, func() { stack.FlushRedis(t) })
	stop()
	others.Wait()

	var refused, again int
	for _, a := range s.answers {
		switch {
		case a.Status == http.StatusServiceUnavailable && strings.Contains(a.Body, "budgets_away"):
			refused++
		case a.Status == http.StatusServiceUnavailable:
			t.Errorf("a call is answered %v", a)
		case a.Status == http.StatusOK && refused > 0:
			again++
		}
	}
	t.Logf("%d calls were refused while Redis was restored, %d were served afterwards", refused, again)
	if refused == 0 || again == 0 {
		t.Error("the budget was not away and then there again")
	}
	s.answers = append(s.answers, without.answers...)
	s.reconciled(t)
	s.nothingReserved(t)
}

// spenders are callers that share a key with a budget of a dollar, at two gateways.
type spenders struct {
	stack   *stacktest.Stack
	clients []*stacktest.Client
	callers int
	key     budgetKey

	mu      sync.Mutex // owns what follows
	answers []stacktest.Answer
	served  int
	enough  chan struct{} // closed when so many were served
}

func newSpenders(t *testing.T, stack *stacktest.Stack, callers int) *spenders {
	t.Helper()
	s := &spenders{
		stack: stack, clients: []*stacktest.Client{stack.Client(), stack.OwnGateway(t)}, callers: callers,
		key: newBudgetKey(t, stack.Client(), "1"), enough: make(chan struct{}),
	}
	// Budgets are away until a new Redis has waited for gateways that may have open calls.
	first := newBudgetKey(t, stack.Client(), "0.01")
	for _, client := range s.clients {
		stacktest.Eventually(t, visible, func() error {
			a := client.Chat(t.Context(), stacktest.ChatBody("mock/small", `,"max_tokens":16`), "Authorization", "Bearer "+first.Secret)
			if a.Status != http.StatusOK {
				return fmt.Errorf("a call on a new key with a budget is answered %v", a)
			}
			return nil
		})
	}
	return s
}

// budgetKey is an API key with a lifetime budget.
type budgetKey struct {
	ID     string `json:"api_key_id"`
	Secret string `json:"api_key"`
}

func newBudgetKey(t *testing.T, client *stacktest.Client, limit string) (k budgetKey) {
	t.Helper()
	manage(t, client, http.MethodPost, "apikey", `{"name":"budget `+limit+`",`+lifetime(limit)+`}`, &k)
	return k
}

func lifetime(limit string) string {
	return `"limits":{"budgets":[{"window":"lifetime","limit":"` + limit + `"}]}`
}

// manage makes a call of the management API with the stack's own key.
func manage(t *testing.T, client *stacktest.Client, method, path, body string, into any) {
	t.Helper()
	a := client.Do(t.Context(), method, "/v1/manage/"+path, strings.NewReader(body))
	if a.Status >= 300 || a.Err != nil {
		t.Fatalf("%s %s is answered %v", method, path, a)
	}
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// spend makes calls until every caller is refused for good, and lets something happen when so many were served.
func (s *spenders) spend(t *testing.T, after int, happens func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), underBudget)
	defer cancel()
	began := time.Now()
	var callers sync.WaitGroup
	for i := range s.callers {
		callers.Go(func() { s.caller(ctx, t, i, after) })
	}
	select {
	case <-s.enough:
		happens()
	case <-ctx.Done():
		t.Errorf("%d calls were not served within %v", after, underBudget)
	}
	callers.Wait()
	byStatus := make(map[int]int)
	for _, a := range s.answers {
		byStatus[a.Status]++
	}
	t.Logf("%d callers were done after %v; answers by status %v", s.callers, time.Since(began).Round(time.Millisecond), byStatus)
	if err := ctx.Err(); err != nil {
		t.Fatalf("not every caller was refused within %v", underBudget)
	}
}

// caller makes calls, one after the other, until the budget is used up. It goes to the gateways in turn, and so to
// another one where it found none.
func (s *spenders) caller(ctx context.Context, t *testing.T, i, after int) {
	for try := i; ctx.Err() == nil; try++ {
		a := s.clients[try%len(s.clients)].Chat(ctx, spendingBody(try), "Authorization", "Bearer "+s.key.Secret)
		s.note(a)
		switch a.Status {
		case http.StatusOK:
			s.mu.Lock()
			if s.served++; s.served == after {
				close(s.enough)
			}
			s.mu.Unlock()
		case http.StatusPreconditionFailed:
			return
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
			if err != nil {
				t.Errorf("an answer does not say when to try again: %v", a)
				return
			}
			wait(ctx, time.Duration(seconds)*time.Second)
		case 0: // its gateway was killed
		default:
			t.Errorf("a call is answered %v", a)
			return
		}
	}
}

func (s *spenders) note(a stacktest.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, a)
}

// spendingBody is a call that may cost half a cent and costs some tenth of that, plain or streamed.
func spendingBody(n int) string {
	more := ""
	if n/2%2 == 1 {
		more = stacktest.Streamed
	}
	return fmt.Sprintf(`{"model":"mock/large:latency=200ms","max_tokens":400,"messages":[{"role":"user","content":"%s%d?"}]%s}`,
		strings.Repeat("What does the river carry? ", 10), n, more)
}

// reconciled waits until the books are closed and sees that they are the provider's, that the live sums are theirs,
// and that the budget was used up and not passed.
func (s *spenders) reconciled(t *testing.T) {
	t.Helper()
	books := stacktest.OpenBooks(t, s.stack)
	usage := stacktest.WaitUsage(t, books, closing, s.answers...)
	report(t, broken(s.answers, usage))
	checkAllBalanced(t, s.stack)
	spent := s.spent(t)
	t.Logf("%s were spent", spent)
	if spent.GreaterThan(decimal.NewFromInt(1)) || !spent.GreaterThan(decimal.RequireFromString("0.97")) {
		t.Errorf("%s were spent of a budget of 1", spent)
	}
	stacktest.Eventually(t, closing, func() error { return liveSumsAre(t, s.stack, books, 1) })
	for i, client := range s.clients {
		stacktest.Eventually(t, visible, func() error {
			var key struct {
				Spend *decimal.Decimal `json:"monthly_spend"`
			}
			manage(t, client, http.MethodGet, "apikey/"+s.key.ID, "", &key)
			if key.Spend == nil || !key.Spend.Equal(spent) {
				return fmt.Errorf("by gateway %d the key has spent %v, by the books %s", i, key.Spend, spent)
			}
			return nil
		})
	}
}

// spent is what the key has spent by the books.
func (s *spenders) spent(t *testing.T) decimal.Decimal {
	t.Helper()
	rows, err := stacktest.OpenBooks(t, s.stack).Rows(t.Context(), `SELECT toString(sum(cost_usd)) FROM weir.usage WHERE key_id = ?`, s.key.ID)
	if err != nil {
		t.Fatal(err)
	}
	return decimal.RequireFromString(rows[0][0])
}

// nothingReserved gives the key a cent more, of which it then must have as much as a new key with a cent has: the
// gateway says how much output it has room for.
func (s *spenders) nothingReserved(t *testing.T) {
	t.Helper()
	client := s.clients[1]
	fresh := newBudgetKey(t, client, "0.01")
	room := func(key budgetKey) string {
		body := stacktest.ChatBody("mock/large", `,"max_tokens":100000`)
		a := client.Chat(t.Context(), body, "Authorization", "Bearer "+key.Secret)
		warning := a.Header.Get("X-Requesty-Warnings")
		if a.Status != http.StatusOK || !strings.Contains(warning, "was lowered from 100000 to ") {
			t.Fatalf("a call that may cost more than a cent is answered %v, with the warning %q", a, warning)
		}
		return warning
	}
	limit := s.spent(t).Add(decimal.RequireFromString("0.01"))
	manage(t, client, http.MethodPatch, "apikey/"+s.key.ID, `{`+lifetime(limit.String())+`}`, &struct{}{})
	if got, want := room(s.key), room(fresh); got != want {
		t.Errorf("of a cent %q, of a cent of which nothing is reserved %q", got, want)
	}
}
