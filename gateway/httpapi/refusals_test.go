package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// never is a provider that must not be called.
func never(t testing.TB) http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) { t.Error("the provider was called") }
}

func TestRefusalsAreAnsweredAndRecorded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		body    string
		header  []string
		status  int
		param   string
		code    string
		kind    string
		ofModel string // what the ledger says was asked for
	}{
		"malformed":        {body: `{"model":`, status: 400, code: "invalid_json", kind: "invalid_request"},
		"empty":            {body: ``, status: 400, code: "invalid_json", kind: "invalid_request"},
		"depth bomb":       {body: strings.Repeat(`{"a":`, 100_000), status: 400, code: "invalid_json", kind: "invalid_request"},
		"no model":         {body: `{"messages":[1]}`, status: 400, param: "model", kind: "invalid_request"},
		"messages":         {body: `{"model":"mock/small","messages":"hi"}`, status: 400, param: "messages", kind: "invalid_request"},
		"stream":           {body: `{"model":"mock/small","messages":[1],"stream":"yes"}`, status: 400, param: "stream", kind: "invalid_request"},
		"duplicate":        {body: `{"model":"mock/small","model":"mock/other","messages":[1]}`, status: 400, param: "model", kind: "invalid_request"},
		"tags":             {body: `{"model":"mock/small","messages":[1],"requesty":{"tags":[1]}}`, status: 400, param: "requesty.tags[0]", kind: "invalid_request", ofModel: "mock/small"},
		"header metadata":  {body: plainBody, header: []string{"X-Title", long[:600]}, status: 400, param: "X-Title", kind: "invalid_request", ofModel: "mock/small"},
		"compressed":       {body: plainBody, header: []string{"Content-Encoding", "gzip"}, status: 400, kind: "invalid_request"},
		"unknown provider": {body: strings.Replace(plainBody, "mock/", "nobody/", 1), status: 404, param: "model", code: "provider_not_found", kind: "unknown_provider", ofModel: "nobody/small"},
		"unknown policy":   {body: strings.Replace(plainBody, "mock/", "policy/", 1), status: 404, param: "model", code: "policy_not_found", kind: "unknown_policy", ofModel: "policy/small"},
		"bare model":       {body: strings.Replace(plainBody, "mock/", "", 1), status: 404, param: "model", code: "model_not_found", kind: "unknown_model", ofModel: "small"},
		"no model's name":  {body: strings.Replace(plainBody, "small", "", 1), status: 404, param: "model", code: "model_not_found", kind: "unknown_model", ofModel: "mock/"},
		"too large":        {body: strings.Replace(plainBody, "hi", long, 1), status: 413, code: "request_too_large", kind: "body_too_large"},
		"large headers":    {body: plainBody, header: []string{"X-Large", long}, status: 431, code: "headers_too_large", kind: "headers_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, never(t))
			a := w.post(c.body, c.header...)
			e := a.error(t)
			if a.status != c.status || value(e.Error.Param) != c.param || c.code != "" && value(e.Error.Code) != c.code || e.Error.Origin != "router" {
				t.Errorf("got %d %s", a.status, a.body)
			}
			rec := w.only()
			if int(rec.response.Status) != c.status || rec.response.ErrorKind != c.kind || rec.usage.CostPico != 0 || rec.usage.Attempts != 0 ||
				rec.request.Dimensions.RequestedModel != c.ofModel || rec.request.Dimensions.KeyId != "key_live" || rec.request.RequestId != a.header.Get("X-Requesty-Request-Id") {
				t.Errorf("recorded %v %v", rec.request, rec.response)
			}
			for _, header := range []string{"X-Requesty-Provider", "X-Requesty-Model", "X-Requesty-Cache", "X-Requesty-Latency-Ms", "X-Requesty-Attempts", "X-Requesty-Cost-Usd"} {
				if a.header.Values(header) == nil {
					t.Errorf("no %s", header)
				}
			}
		})
	}
}

func TestCallsWithoutALiveKeyLeaveNoEvents(t *testing.T) {
	w := start(t, never(t))
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"none":     {nil, 401},
		"basic":    {[]string{"Authorization", "Basic eA=="}, 401},
		"unknown":  {[]string{"Authorization", "Bearer wk_nobody"}, 403},
		"disabled": {[]string{"x-api-key", deadKey}, 403},
	} {
		a := w.do(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(plainBody), c.header...)
		if a.error(t); a.status != c.status || a.header.Get("X-Requesty-Request-Id") == "" {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	w.none()
}

// A live key without the permission is refused, and its call is in the books.
func TestAKeyWithoutCompletionsMakesNoCalls(t *testing.T) {
	w := start(t, never(t))
	a := w.do(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(plainBody), "Authorization", "Bearer "+managerKey)
	if e := a.error(t); a.status != 403 || value(e.Error.Code) != "not_permitted" || e.Error.Type != "permission_error" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if rec := w.only(); rec.response.ErrorKind != "not_permitted" || rec.request.Dimensions.KeyId != "key_manager" || rec.usage.Attempts != 0 {
		t.Errorf("recorded %v %v", rec.request, rec.response)
	}
	for _, path := range []string{"/v1/models", "/v1/auth/check"} {
		if a := w.do(context.Background(), "GET", path, nil, "Authorization", "Bearer "+managerKey); a.status != 200 {
			t.Errorf("%s: got %d %s", path, a.status, a.body)
		}
	}
}

func TestRoutes(t *testing.T) {
	w := start(t, never(t))
	live := []string{"Authorization", "Bearer " + apiKey}
	for _, c := range []struct {
		method, path string
		header       []string
		status       int
		want         string
	}{
		{"GET", "/v1/auth/check", live, 200, `"status":"ok"`},
		{"GET", "/v1/auth/check", nil, 401, `"code":"missing_api_key"`},
		{"GET", "/v1/auth/check", []string{"x-api-key", "nope"}, 403, `"code":"invalid_api_key"`},
		{"GET", "/v1/models", nil, 200, `"id":"mock/small"`},
		{"GET", "/v1/models", live, 200, `"object":"list"`},
		{"GET", "/v1/models", []string{"x-api-key", deadKey}, 403, `"error"`},
		{"GET", "/v1/models/mock/small", nil, 200, `"input_price":0.000001`},
		{"GET", "/v1/models/mock/none/such", live, 404, `"code":"model_not_found"`},
		{"GET", "/v1/models/policy/x", live, 404, `"error"`},
		{"GET", "/healthz", nil, 200, `ok`},
		{"GET", "/readyz", nil, 200, `ok`},
		{"HEAD", "/healthz", nil, 200, ``},
		{"HEAD", "/readyz", nil, 200, ``},
		{"GET", "/metrics", nil, 200, `weir_gateway_calls_in_flight`},
		{"GET", "/v1/chat/completions", live, 405, `"code":"method_not_allowed"`},
		{"GET", "/v1/messages", live, 405, `{"type":"error","error":{"type":`},
		{"POST", "/v1/messages/batches", live, 404, `{"type":"error","error":{"type":"not_found_error"`},
		{"POST", "/anthropic/v1/complete", live, 404, `{"type":"error","error":{"type":"not_found_error"`},
		{"DELETE", "/v1/models", live, 405, `"error"`},
		{"POST", "/v1/moderations", live, 404, `"code":"unknown_url"`},
		{"GET", "/", nil, 404, `"error"`},
	} {
		a := w.do(context.Background(), c.method, c.path, nil, c.header...)
		if a.status != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s: got %d %s", c.method, c.path, a.status, a.body)
		}
		if strings.HasPrefix(c.path, "/v1/") && a.header.Get("X-Requesty-Request-Id") == "" {
			t.Errorf("%s %s: no request id", c.method, c.path)
		}
	}
	w.none()
}

func TestBrowsersMayCall(t *testing.T) {
	w := start(t, respond(200, plainAnswer))
	a := w.do(context.Background(), "OPTIONS", "/v1/chat/completions", nil, "Origin", "https://site", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,content-type")
	if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Headers") != "authorization,content-type" ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	a = w.post(plainBody, "Origin", "https://site")
	if a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "x-requesty-cost-usd") {
		t.Errorf("call: %v", a.header)
	}
	w.only()
}

// dial sends raw bytes and returns the connection.
func (w *world) dial(text string) net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		w.t.Fatal(err)
	}
	return conn
}

const rawHead = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + apiKey + "\r\n"

func TestBodyThatDoesNotArrive(t *testing.T) {
	w := start(t, never(t), func(c *config) { c.limits.BodyTimeout = 50 * time.Millisecond })
	conn := w.dial(rawHead + "Content-Length: 100\r\n\r\n{\"model\"")
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 408 ") || !strings.Contains(string(got), "Connection: close") || !strings.Contains(string(got), `"code":"request_timeout"`) {
		t.Errorf("got %q, %v", got, err)
	}
	if rec := w.only(); rec.response.ErrorKind != "body_timeout" {
		t.Errorf("recorded %v", rec.response)
	}
}

func TestClientThatLeavesWhileSending(t *testing.T) {
	w := start(t, never(t))
	w.dial(rawHead + "Content-Length: 100\r\n\r\n{\"model\"").Close()
	if rec := w.only(); rec.response.Status != 499 || rec.response.ErrorKind != "client_disconnected" || !rec.response.ClientDisconnected {
		t.Errorf("recorded %v", rec.response)
	}
}

// Whoever cannot send a whole body, or stops sending and still reads, must not
// take an empty 200 for an answer.
func TestAClientTakenForGoneGetsNoAnswerThatLooksWhole(t *testing.T) {
	for name, send := range map[string]string{
		"malformed chunk":                      "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"half a body":                          "Content-Length: 100\r\n\r\n{\"model\"",
		"half-closed while the provider works": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(plainBody), plainBody),
	} {
		t.Run(name, func(t *testing.T) {
			var w *world
			w = start(t, func(rw http.ResponseWriter, r *http.Request) {
				w.gauge(draining, 1)
				respond(200, plainAnswer)(rw, r)
			})
			conn := w.dial(rawHead + send)
			defer conn.Close()
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); strings.HasPrefix(string(got), "HTTP/1.1 200 ") {
				t.Errorf("got %q, %v", got, err)
			}
			if rec := w.only(); rec.response.Status != 499 {
				t.Errorf("recorded %v", rec.response)
			}
		})
	}
}

func TestChunkedBodyOverTheLimit(t *testing.T) {
	w := start(t, never(t))
	pipe, feed := io.Pipe()
	go func() {
		defer feed.Close()
		_, _ = io.WriteString(feed, strings.Replace(plainBody, "hi", strings.Repeat("x", 3<<19), 1)) // the server may stop reading
	}()
	a := w.do(context.Background(), "POST", "/v1/chat/completions", pipe, "Authorization", "Bearer "+apiKey)
	if a.error(t); a.status != 413 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.only()
}

func TestPanicIsAnErrorOfOneCall(t *testing.T) {
	w := start(t, respond(200, plainAnswer))
	a := w.do(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(plainBody), "Authorization", "Bearer "+panicKey)
	if e := a.error(t); a.status != 500 || value(e.Error.Code) != "internal_error" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.none()
	w.journal.complete = func() error {
		w.journal.mu.Lock()
		w.journal.complete = nil
		w.journal.mu.Unlock()
		panic("a bug while recording")
	}
	if a := w.post(plainBody); a.status != 500 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := w.post(plainBody); a.status != 200 {
		t.Errorf("after the panics: %d %s", a.status, a.body)
	}
	if logs := w.log.String(); !strings.Contains(logs, "a bug") || strings.Contains(logs, panicKey) {
		t.Errorf("log: %s", logs)
	}
}

func TestSecretsAndPromptsStayOutOfTheLog(t *testing.T) {
	w := start(t, respond(500, `{"error":{"message":"you said SECRET-PROMPT"}}`))
	w.post(strings.Replace(plainBody, "hi", "SECRET-PROMPT", 1))
	w.post(`{"model":"mock/small","messages":"SECRET-PROMPT"}`)
	all := w.calls(2)
	for _, secret := range []string{"SECRET-PROMPT", apiKey, "sk-upstream"} {
		if strings.Contains(w.log.String(), secret) || strings.Contains(fmt.Sprint(all[0].response, all[1].response), secret) {
			t.Errorf("%s was written down: %s", secret, w.log.String())
		}
	}
}
