package e2e_test

import (
	"net"
	"strings"
	"testing"

	"weir/e2e/stacktest"
)

// TestProviderTrouble sees what a client gets when the provider goes wrong, plain and streamed, and that
// nothing is missing in the books.
func TestProviderTrouble(t *testing.T) {
	client := shared.Client()
	var answers []stacktest.Answer
	f := func(name, option, more string, status int, part string) {
		t.Run(name, func(t *testing.T) {
			a := client.Chat(t.Context(), stacktest.ChatBody("mock/small:chunks=6,in=40,out=60,"+option, more))
			checkError(t, a, status, "provider", part)
			answers = append(answers, a)
		})
	}
	f("its own error", "status=500", "", 500, "as asked")
	f("its own error to a stream", "status=503", stacktest.Streamed, 503, "as asked")
	f("its own rate limit", "status=429", "", 429, "rate_limit_exceeded")
	f("garbage", "fault=garbage", "", 424, "")
	f("garbage in a stream", "fault=garbage", stacktest.Streamed, 424, "")
	f("200 with an error inside", "fault=error200", "", 502, "")
	f("a stream that begins with an error", "fault=error200", stacktest.Streamed, 502, "")
	f("a plain answer cut", "fault=cut", "", 502, "")
	if a := answers[2]; a.Header.Get("Retry-After") != "1" {
		t.Errorf("the provider's Retry-After became %q", a.Header.Get("Retry-After"))
	}

	// What a stream has delivered stays; the error comes as its last event, and no [DONE] after it.
	broken := func(name, option string) {
		t.Run(name, func(t *testing.T) {
			a := client.Chat(t.Context(), stacktest.ChatBody("mock/small:chunks=6,in=40,out=60,"+option, stacktest.Streamed))
			events := strings.Split(strings.TrimSpace(a.Body), "\n\n")
			last := events[len(events)-1]
			if a.Status != 200 || a.Err != nil || len(events) < 4 || !strings.Contains(last, `"error"`) || strings.Contains(a.Body, "[DONE]") {
				t.Errorf("the answer is %v", a)
			}
			if data, ok := strings.CutPrefix(last, "event: error\ndata: "); ok {
				checkError(t, stacktest.Answer{Status: 200, Body: data}, 200, "provider", "")
			} else {
				t.Errorf("the last event is %q", last)
			}
			answers = append(answers, a)
		})
	}
	broken("a stream cut", "fault=cut")
	broken("an error in mid-stream", "fault=errormid")

	t.Run("no usage", func(t *testing.T) {
		for _, more := range []string{"", stacktest.Streamed} {
			a := client.Chat(t.Context(), stacktest.ChatBody("mock/small:fault=nousage", more))
			if a.Status != 200 || a.Err != nil {
				t.Errorf("the answer is %v", a)
			}
			answers = append(answers, a)
		}
	})
	rows := checkRecorded(t, shared, answers...)
	for _, a := range answers[len(answers)-2:] {
		if row := rows[a.RequestID]; !row.Estimated || row.InputTokens == 0 || row.OutputTokens == 0 {
			t.Errorf("an answer without usage is in the books as %+v", row)
		}
	}
}

// TestProviderHangs has a gateway give up on a provider that never answers, and on one that stops in the
// middle of a stream.
func TestProviderHangs(t *testing.T) {
	client := shared.ImpatientGateway(t)
	var answers []stacktest.Answer
	for _, more := range []string{"", stacktest.Streamed} {
		a := client.Chat(t.Context(), stacktest.ChatBody("mock/small:fault=hang", more))
		checkError(t, a, 503, "provider", "provider_timeout")
		answers = append(answers, a)
	}
	a := client.Chat(t.Context(), stacktest.ChatBody("mock/small:chunks=4,gap=3s", stacktest.Streamed))
	if a.Status != 200 || !strings.Contains(a.Body, "event: error\n") || !strings.Contains(a.Body, "provider_timeout") {
		t.Errorf("the answer is %v", a)
	}
	for _, row := range checkUnfinished(t, append(answers, a)...) {
		if row.ErrorKind != "provider_timeout" {
			t.Errorf("error_kind is %q", row.ErrorKind)
		}
	}
}

// checkUnfinished is checkRecorded for calls that the gateway itself ended, whose tokens the provider
// never told.
func checkUnfinished(t *testing.T, answers ...stacktest.Answer) map[string]stacktest.Usage {
	t.Helper()
	books := stacktest.OpenBooks(t, shared)
	all := stacktest.WaitUsage(t, books, visible, answers...)
	mine := map[string]stacktest.Usage{}
	for _, a := range answers {
		mine[a.RequestID] = all[a.RequestID]
	}
	checkOnce(t, books, mine)
	return mine
}

// TestProviderAway has a provider that takes connections and breaks them.
func TestProviderAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			conn.Close()
		}
	}()
	stack := stacktest.New(t, stacktest.Options{Args: []string{"--provider", "away=http://" + listener.Addr().String() + "/v1"}})
	a := stack.Client().Chat(t.Context(), stacktest.ChatBody("away/small", ""))
	checkError(t, a, 502, "provider", "")
	checkRecorded(t, stack, a)
}
