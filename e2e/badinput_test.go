package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// apiError is the body of an error as OpenAI's clients read it, and where it comes from.
type apiError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Code    *string `json:"code"`
		Param   *string `json:"param"`
		Origin  string  `json:"origin"`
	} `json:"error"`
}

// checkError sees the status, the origin and a part of the body of an answer that is an error.
func checkError(t *testing.T, a stacktest.Answer, status int, origin, part string) {
	t.Helper()
	var e apiError
	if err := json.Unmarshal([]byte(a.Body), &e); err != nil || a.Err != nil {
		t.Fatalf("the answer is %v: %v", a, err)
	}
	if a.Status != status || e.Error.Origin != origin || e.Error.Message == "" || e.Error.Type == "" || !strings.Contains(a.Body, part) {
		t.Errorf("the answer is %v, want %d from %s with %q in it", a, status, origin, part)
	}
}

// checkRecorded waits until each of the recognised calls is in all three tables once, and compares what
// they cost with the provider's ledger.
func checkRecorded(t *testing.T, stack *stacktest.Stack, answers ...stacktest.Answer) map[string]stacktest.Usage {
	t.Helper()
	books := stacktest.OpenBooks(t, stack)
	usage := stacktest.WaitUsage(t, books, time.Minute, answers...)
	ledger, err := stack.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine, served := map[string]stacktest.Usage{}, map[string]stacktest.LedgerEntry{}
	for _, a := range answers {
		if !a.Recognised() {
			continue
		}
		mine[a.RequestID] = usage[a.RequestID]
		if e, found := ledger[a.RequestID]; found {
			served[a.RequestID] = e
		}
		if kind := usage[a.RequestID].ErrorKind; (a.Status >= 400) && kind == "" {
			t.Errorf("%s was answered %d and has no error_kind", a.RequestID, a.Status)
		}
	}
	report(t, wrong(mine, served))
	checkOnce(t, books, mine)
	return mine
}

// checkOnce waits until each of the calls is in each of the three tables, and sees that it is there once.
func checkOnce(t *testing.T, books *stacktest.Books, calls map[string]stacktest.Usage) {
	t.Helper()
	for _, table := range []string{"requests", "responses", "usage"} {
		stacktest.Eventually(t, visible, func() error {
			rows, err := books.Rows(t.Context(), `SELECT request_id FROM weir.`+table)
			if err != nil {
				return err
			}
			times := map[string]int{}
			for _, row := range rows {
				times[row[0]]++
			}
			for id := range calls {
				if n := times[id]; n > 1 {
					return stacktest.Final(fmt.Errorf("%s has %s %d times", table, id, n))
				} else if n == 0 {
					return fmt.Errorf("%s has no %s", table, id)
				}
			}
			return nil
		})
	}
}

// TestBadInput sees what the gateway answers to requests it must refuse, and that they are in the books.
func TestBadInput(t *testing.T) {
	client := shared.Client()
	var answers []stacktest.Answer
	f := func(name, body string, status int, part string) {
		t.Run(name, func(t *testing.T) {
			a := client.Chat(t.Context(), body)
			checkError(t, a, status, "router", part)
			if a.RequestID == "" {
				t.Error("the answer has no request id")
			}
			answers = append(answers, a)
		})
	}
	requesty := func(more string) string { return stacktest.ChatBody("mock/small", `,"requesty":`+more) }
	list := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return strings.Join(items, ",")
	}
	text := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }

	f("malformed JSON", `{"model":"mock/small","messages":[`, 400, "")
	f("no JSON at all", `hello`, 400, "")
	f("empty body", ``, 400, "")
	f("an array", `[]`, 400, "")
	f("no model", `{"messages":[{"role":"user","content":"hello"}]}`, 400, `"model"`)
	f("model of the wrong kind", `{"model":5,"messages":[{"role":"user","content":"hello"}]}`, 400, `"model"`)
	f("no messages", `{"model":"mock/small"}`, 400, `"messages"`)
	f("messages of the wrong kind", `{"model":"mock/small","messages":"x"}`, 400, `"messages"`)
	f("stream of the wrong kind", stacktest.ChatBody("mock/small", `,"stream":"yes"`), 400, `"stream"`)
	f("requesty of the wrong kind", requesty(`7`), 400, "requesty")
	f("tags of the wrong kind", requesty(`{"tags":7}`), 400, "requesty.tags")
	f("a tag of the wrong kind", requesty(`{"tags":["a",7]}`), 400, "requesty.tags")
	f("user_id of the wrong kind", requesty(`{"user_id":7}`), 400, "requesty.user_id")
	f("extra of the wrong kind", requesty(`{"extra":["a"]}`), 400, "requesty.extra")
	f("auto_cache of the wrong kind", requesty(`{"auto_cache":"yes"}`), 400, "requesty.auto_cache")
	f("too many tags", requesty(`{"tags":[`+list(65, func(i int) string { return fmt.Sprintf(`"t%d"`, i) })+`]}`), 400, "requesty.tags")
	f("a tag too long", requesty(`{"tags":[`+text(129)+`]}`), 400, "requesty.tags")
	f("too many extras", requesty(`{"extra":{`+list(65, func(i int) string { return fmt.Sprintf(`"n%d":"v"`, i) })+`}}`), 400, "requesty.extra")
	f("an extra's name too long", requesty(`{"extra":{`+text(65)+`:"v"}}`), 400, "requesty.extra")
	f("an extra's value too long", requesty(`{"extra":{"name":`+text(513)+`}}`), 400, "requesty.extra")
	f("user_id too long", requesty(`{"user_id":`+text(257)+`}`), 400, "requesty.user_id")
	f("trace_id too long", requesty(`{"trace_id":`+text(257)+`}`), 400, "requesty.trace_id")
	f("unknown provider", stacktest.ChatBody("nobody/small", ""), 404, "nobody")
	f("no provider", stacktest.ChatBody("small", ""), 404, "small")
	f("body over the limit", stacktest.ChatBody("mock/small", `,"padding":"`+strings.Repeat("x", 21<<20)+`"`), 413, "")

	t.Run("the provider's own 404", func(t *testing.T) {
		a := client.Chat(t.Context(), stacktest.ChatBody("mock/nothing", ""))
		checkError(t, a, 404, "provider", "model_not_found")
		answers = append(answers, a)
	})
	checkRecorded(t, shared, answers...)
}

// TestRefusedCredentials sees calls without a live key refused; they leave no trace in the books.
func TestRefusedCredentials(t *testing.T) {
	client := shared.Client()
	body := func(tag string) string { return stacktest.ChatBody("mock/small", `,"requesty":{"tags":["`+tag+`"]}`) }
	for _, tag := range []string{"no-key", "bad-key"} {
		key, status := "", 401
		if tag == "bad-key" {
			key, status = "Bearer wrong", 403
		}
		checkError(t, client.Chat(t.Context(), body(tag), "Authorization", key), status, "router", "")
		checkError(t, client.Do(t.Context(), "GET", "/v1/auth/check", nil, "Authorization", key), status, "router", "")
	}
	if a := client.Do(t.Context(), "GET", "/v1/auth/check", nil); a.Status != 200 {
		t.Errorf("a live key is answered %v", a)
	}
	// A later call of each partition's order would be needed to be certain; twenty make it all but so.
	var later []stacktest.Answer
	for range 20 {
		later = append(later, client.Chat(t.Context(), body("live-key")))
	}
	checkRecorded(t, shared, later...)
	books := stacktest.OpenBooks(t, shared)
	rows, err := books.Rows(t.Context(), `SELECT request_id FROM weir.usage WHERE hasAny(CAST(tags AS Array(String)), ['no-key','bad-key'])`)
	if err != nil || len(rows) != 0 {
		t.Errorf("refused calls are in the books: %v %v", rows, err)
	}
}

func TestHugeHeader(t *testing.T) {
	a := shared.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", ""), "X-Requesty-Big", strings.Repeat("x", 1<<20))
	checkError(t, a, http.StatusRequestHeaderFieldsTooLarge, "router", "")
	checkRecorded(t, shared, a)
}

// TestSlowSender sends a body in pieces over a second.
func TestSlowSender(t *testing.T) {
	body := stacktest.ChatBody("mock/small:in=10,out=10", "")
	reader, writer := io.Pipe()
	go func() {
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for len(body) > 0 {
			<-ticker.C
			n := min(5, len(body))
			if _, err := io.WriteString(writer, body[:n]); err != nil {
				return // the gateway has given up, and the answer says how
			}
			body = body[n:]
		}
		_ = writer.Close() // never fails
	}()
	a := shared.Client().Do(t.Context(), "POST", "/v1/chat/completions", reader)
	if a.Status != 200 || a.Err != nil {
		t.Fatalf("the answer is %v", a)
	}
	checkRecorded(t, shared, a)
}

// TestHalfABody leaves in the middle of sending: whether the call is in the books or not, it is not there
// in part, and calls after it are served.
func TestHalfABody(t *testing.T) {
	client := shared.Client()
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, `{"model":"mock/small","mess`)
		writer.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if a := client.Do(t.Context(), "POST", "/v1/chat/completions", reader); a.Err == nil && a.Status < 400 {
		t.Fatalf("half a body was answered %v", a)
	}
	checkRecorded(t, shared, client.Chat(t.Context(), stacktest.ChatBody("mock/small", "")))
	books := stacktest.OpenBooks(t, shared)
	stacktest.Eventually(t, visible, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		return c.Balanced()
	})
}

// TestSlowReader reads a stream of some megabytes much slower than it is made.
func TestSlowReader(t *testing.T) {
	body := stacktest.ChatBody("mock/small:chunks=20000,in=10,out=20000", stacktest.Streamed)
	end := ""
	a := shared.Client().Read(t.Context(), "POST", "/v1/chat/completions", strings.NewReader(body), func(r io.Reader) (string, error) {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		piece := make([]byte, 16<<10)
		for {
			<-ticker.C
			n, err := r.Read(piece)
			if end += string(piece[:n]); len(end) > 1000 {
				end = end[len(end)-1000:]
			}
			if err == io.EOF {
				return end, nil
			}
			if err != nil {
				return end, err
			}
		}
	})
	if a.Status != 200 || a.Err != nil || !strings.Contains(a.Body, `"completion_tokens":20000`) || !strings.HasSuffix(a.Body, "data: [DONE]\n\n") {
		t.Fatalf("the answer is %v", a)
	}
	checkRecorded(t, shared, a)
}
