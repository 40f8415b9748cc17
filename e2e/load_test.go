package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// load is a mix of calls made by several callers, none of which ever repeats a call.
type load struct {
	client  *stacktest.Client
	calls   int
	callers int
	onLost  func(ctx context.Context) // called when a call got no answer at all; may be nil
	answers []stacktest.Answer        // by number of the call; each is written by one caller
}

// run makes all calls.
func (l *load) run(ctx context.Context) {
	l.answers = make([]stacktest.Answer, l.calls)
	var next atomic.Int64
	var callers sync.WaitGroup
	for range l.callers {
		callers.Go(func() {
			for i := int(next.Add(1)) - 1; i < l.calls; i = int(next.Add(1)) - 1 {
				l.answers[i] = l.call(ctx, i)
				if l.answers[i].Status == 0 && l.onLost != nil {
					l.onLost(ctx)
				}
			}
		})
	}
	callers.Wait()
}

// call makes call i: of ten, four are plain, three streamed with usage, one streamed without, one fails
// and one leaves in mid-stream.
func (l *load) call(ctx context.Context, i int) stacktest.Answer {
	who := fmt.Sprintf(`,"requesty":{"user_id":"user-%d","trace_id":"trace-%d","tags":["team:%d","load","load"],"extra":{"feature":"f%d"}}`,
		i%7, i, i%5, i%4)
	model := fmt.Sprintf("mock/%s:latency=%dms,in=%d,cached=%d,write=%d,out=%d,reasoning=%d",
		[]string{"small", "large"}[i%2], 5+i%31, 100+i, i%41, i%13, 20+i%97, i%19)
	switch i % 10 {
	case 0, 1, 2, 3:
		return l.client.Chat(ctx, stacktest.ChatBody(model, who))
	case 4, 5, 6:
		return l.client.Chat(ctx, stacktest.ChatBody(model+",chunks=16,gap=1ms", stacktest.Streamed+who))
	case 7:
		return l.client.Chat(ctx, stacktest.ChatBody(model, `,"stream":true`+who))
	case 8:
		return l.leave(ctx, stacktest.ChatBody(model+",chunks=64,gap=2ms", stacktest.Streamed+who))
	default:
		return l.client.Chat(ctx, failing(i/10, model, who))
	}
}

// leave reads three events of a stream and goes.
func (l *load) leave(ctx context.Context, body string) stacktest.Answer {
	return l.client.Read(ctx, http.MethodPost, "/v1/chat/completions", strings.NewReader(body), func(r io.Reader) (string, error) {
		lines := bufio.NewScanner(r)
		for events := 0; events < 3 && lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				events++
			}
		}
		return "", lines.Err()
	})
}

// failing is the body of a call that goes wrong in the k-th of the ways there are.
func failing(k int, model, who string) string {
	plain := func(option string) string { return stacktest.ChatBody(model+","+option, who) }
	stream := func(option string) string { return stacktest.ChatBody(model+","+option, stacktest.Streamed+who) }
	ways := []string{
		plain("status=500"), plain("status=429"), stream("status=400"), plain("fault=garbage"), stream("fault=garbage"),
		plain("fault=error200"), stream("fault=error200"), plain("fault=cut"), stream("fault=cut"), stream("fault=errormid"),
		stream("fault=nousage"), plain("fault=nousage"), stacktest.ChatBody("nobody/small", who),
		stacktest.ChatBody("mock/unknown", who), stacktest.ChatBody(model, `,"stream":"yes"`+who),
	}
	return ways[k%len(ways)]
}

// wrong compares usage with the provider's ledger, row by row, and returns what does not agree.
func wrong(usage map[string]stacktest.Usage, ledger map[string]stacktest.LedgerEntry) []error {
	var list []error
	for id := range ledger {
		if _, found := usage[id]; !found {
			list = append(list, fmt.Errorf("%s was served and is not in usage: %+v", id, ledger[id]))
		}
	}
	for id, u := range usage {
		if err := checkCost(u); err != nil {
			list = append(list, err)
		}
		if u.ErrorKind == abandoned {
			continue
		}
		e := ledger[id]
		switch tokens := u.Tokens(); {
		case !e.Billed:
			if tokens != (stacktest.Tokens{}) {
				list = append(list, fmt.Errorf("%s was not billed by the provider and has %+v (%+v)", id, tokens, e))
			}
		case e.Reported:
			if tokens != e.Tokens() || u.Estimated {
				list = append(list, fmt.Errorf("%s has %+v (estimated %v), the provider %+v", id, tokens, u.Estimated, e))
			}
		case e.Fault == "":
			list = append(list, fmt.Errorf("%s: the gateway did not stay to the provider's end, yet the call is %q: %+v", id, u.ErrorKind, e))
		case !u.Estimated && (tokens != stacktest.Tokens{} || e.Fault == "nousage"):
			list = append(list, fmt.Errorf("%s has %+v, not marked as estimated, and the provider reported nothing: %+v", id, tokens, e))
		}
	}
	return list
}

// broken are the calls that were answered in full, which means that their outcome was recorded, and are in
// usage as if the gateway had died before, or with another status.
func broken(answers []stacktest.Answer, usage map[string]stacktest.Usage) []error {
	var list []error
	for _, a := range answers {
		whole := a.Err == nil && a.Body != "" // of a call that left, no body was kept
		if u := usage[a.RequestID]; whole && a.Recognised() && (u.ErrorKind == abandoned || u.Status != int64(a.Status) && u.ErrorKind == "") {
			list = append(list, fmt.Errorf("%s is in usage as %d %q, and its client got %v", a.RequestID, u.Status, u.ErrorKind, a))
		}
	}
	return list
}

// abandoned is the error_kind of a request that a gateway left without an outcome when it died.
const abandoned = "abandoned"

// report fails the test with the first few of a list of errors.
func report(t *testing.T, list []error) {
	t.Helper()
	for i, err := range list {
		if i == 10 {
			t.Errorf("… and %d more", len(list)-i)
			return
		}
		t.Error(err)
	}
}

// watch notes when each request id is first seen in usage, until ctx ends.
func watch(ctx context.Context, books *stacktest.Books) (seen map[string]time.Time, err error) {
	seen = map[string]time.Time{}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return seen, nil
		case <-ticker.C:
		}
		rows, err := books.Rows(ctx, `SELECT request_id FROM weir.usage`)
		if ctx.Err() != nil {
			return seen, nil
		}
		if err != nil {
			return seen, err
		}
		now := time.Now()
		for _, row := range rows {
			if _, known := seen[row[0]]; !known {
				seen[row[0]] = now
			}
		}
	}
}
