package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"weir/internal/live"
	"weir/internal/live/livetest"
	"weir/schemas"
)

// tenCents are what the callers have, in pico-dollars.
const tenCents = 1e11

// gatewayOn starts a gateway whose budgets are in the Redis at an address.
func gatewayOn(t testing.TB, address, node string, serve http.HandlerFunc) *world {
	t.Helper()
	c := live.DefaultConfig()
	c.Addr, c.Timeout = address, 10*time.Second // a busy machine is not a lost Redis
	store := live.Open(c, 1)
	t.Cleanup(func() { _ = store.Close() })
	if node == "one" {
		if err := livetest.Complete(t.Context(), store, 1); err != nil {
			t.Fatal(err)
		}
	}
	b := live.NewAdmission(live.AdmissionOptions{Redis: store, Node: node, Partitions: 1,
		Partition: func(string) int32 { return 0 }, Logger: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	w := start(t, serve, with(b))
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(tenCents) })
	return w
}

// Sixty callers at two gateways spend ten cents between them, and not a
// pico-dollar more: the provider uses up to what it is allowed, which is what the
// gateway told it.
func TestBudgetUnderLoad(t *testing.T) {
	const callers = 60
	serve := func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var asked struct {
			MaxTokens int64 `json:"max_tokens"`
		}
		if err := json.Unmarshal(b, &asked); err != nil {
			t.Error(err)
		}
		output := asked.MaxTokens - rand.Int64N(asked.MaxTokens)/4
		respond(200, fmt.Sprintf(`{"id":"c","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":30,"completion_tokens":%d}}`, output))(rw, r)
	}
	server := miniredis.RunT(t)
	worlds := []*world{gatewayOn(t, server.Addr(), "one", serve), gatewayOn(t, server.Addr(), "two", serve)}
	client := &http.Transport{MaxIdleConnsPerHost: callers}
	t.Cleanup(client.CloseIdleConnections)
	body := strings.Replace(plainBody, `{`, `{"max_tokens":200,`, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // there is no aggregator to end what a lost answer reserved
	defer cancel()
	call := func(w *world) int {
		req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", "Bearer "+apiKey)
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		switch status := resp.StatusCode; {
		case status == 503 && strings.Contains(string(text), "budgets_away"):
			return 429 // a machine so busy that a call got no turn at Redis: it is to try again, too
		case status != 200 && status != 412 && status != 429:
			t.Errorf("got %d %s", status, text)
		}
		return resp.StatusCode
	}
	var all sync.WaitGroup
	var busy atomic.Int64
	for i := range callers {
		w := worlds[i%2]
		all.Go(func() {
			for {
				switch call(w) {
				case 200:
				case 429:
					busy.Add(1)
				default:
					return // the budget is spent
				}
			}
		})
	}
	all.Wait()
	var spent, served int64
	for _, w := range worlds {
		w.journal.mu.Lock()
		for _, rec := range w.journal.calls {
			spent += rec.usage.CostPico
			served += int64(rec.usage.Attempts)
		}
		w.journal.mu.Unlock()
	}
	t.Logf("%d callers, %d calls served, %d were to try again, %s spent", callers, served, busy.Load(), schemas.Pico(spent))
	if spent > tenCents || spent < tenCents*97/100 {
		t.Errorf("%s were spent of a budget of 0.1", schemas.Pico(spent))
	}
}
