package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/schemas"
)

func TestPlainCall(t *testing.T) {
	var got *http.Request
	var sent string
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, sent = r, string(body)
		respond(200, plainAnswer)(rw, r)
	})
	a := w.post(`{"model" : "mock\/small","x":1.0e1, "requesty":{"tags":["a","b","a"],"trace_id":"tr","extra":{"team":"blue"}},"messages":[{"role":"user","content":"h\u00e9"}],"user":"u1"}`,
		"HTTP-Referer", "https://site", "X-Title", "App", "X-Requesty-Feature", "search", "Cookie", "c=1", "OpenAI-Beta", "beta", "X-Mock-Latency", "1ms", "X-Other", "no", "User-Agent", "sdk")

	if want := `{"model" : "small","x":1.0e1, "messages":[{"role":"user","content":"h\u00e9"}],"user":"u1"}`; sent != want {
		t.Errorf("upstream body %s, want %s", sent, want)
	}
	id := a.header.Get("X-Requesty-Request-Id")
	wantHeader := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "Authorization": {"Bearer sk-upstream"}, "Content-Type": {"application/json"},
		"Openai-Beta": {"beta"}, "User-Agent": {"weir/test"}, "X-Mock-Latency": {"1ms"}, "X-Request-Id": {id}, "Content-Length": {got.Header.Get("Content-Length")}}
	if diff := cmp.Diff(wantHeader, got.Header); diff != "" || got.URL.Path != "/v1/chat/completions" {
		t.Errorf("upstream headers: %s, path %s", diff, got.URL.Path)
	}

	want := strings.Replace(strings.Replace(plainAnswer, "small-2026", "mock/small", 1), `"reasoning_tokens":8}}`, `"reasoning_tokens":8},"cost":`+plainCost+`}`, 1)
	if diff := cmp.Diff(want, a.body); diff != "" || a.status != 200 || a.err != nil {
		t.Errorf("answer %d, %v: %s", a.status, a.err, diff)
	}
	for name, want := range map[string]string{"X-Requesty-Provider": "mock", "X-Requesty-Model": "mock/small", "X-Requesty-Cache": "MISS",
		"X-Requesty-Attempts": "1", "X-Requesty-Cost-Usd": plainCost, "Content-Type": "application/json"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if a.header.Get("X-Requesty-Latency-Ms") == "" {
		t.Error("no latency header")
	}

	rec := w.only()
	dimensions := &schemas.Dimensions{OrgId: "org", Project: "proj", GroupId: "grp", MemberId: "mem", KeyId: "key_live", UserId: "u1", TraceId: "tr",
		Tags: []string{"a", "b"}, Extra: map[string]string{"team": "blue", "feature": "search"}, OriginReferer: "https://site", OriginTitle: "App",
		Endpoint: "chat.completions", RequestedModel: "mock/small"}
	if diff := cmp.Diff(dimensions, rec.request.Dimensions, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	tokens := &schemas.Tokens{Input: 50, CachedInput: 40, CacheWrite: 10, Output: 56, Reasoning: 8}
	u := rec.usage
	wantUsage := &schemas.UsageRecorded{RequestId: id, OccurredAt: u.OccurredAt, Dimensions: dimensions, Model: "small", Provider: "mock", ServiceTier: "flex",
		Cache: "MISS", Status: 200, Tokens: tokens, PriceVersion: u.PriceVersion, CostPico: 810_000_000, SavedPico: 20_000_000, LatencyUs: u.LatencyUs, TtftUs: u.TtftUs, Attempts: 1, ReceivedAt: rec.request.OccurredAt}
	if diff := cmp.Diff(wantUsage, u, protocmp.Transform()); diff != "" || u.PriceVersion == "" || u.LatencyUs <= 0 || u.TtftUs <= 0 {
		t.Errorf("usage: %s", diff)
	}
	r := rec.response
	wantResponse := &schemas.ResponseCompleted{RequestId: id, OccurredAt: r.OccurredAt, OrgId: "org", KeyId: "key_live", Endpoint: "chat.completions", Model: "small", Provider: "mock",
		Status: 200, FinishReason: "stop", LatencyUs: r.LatencyUs, TtftUs: r.TtftUs, ResponseBytes: int64(len(a.body)),
		Attempts: []*schemas.Attempt{{Provider: "mock", Model: "small", Status: 200, Tokens: tokens, CostPico: 810_000_000, TtftUs: r.TtftUs, LatencyUs: r.LatencyUs, UpstreamId: "chatcmpl-1"}}}
	if diff := cmp.Diff(wantResponse, r, protocmp.Transform()); diff != "" {
		t.Errorf("response: %s", diff)
	}
	if rec.payload != nil {
		t.Error("a payload of a key that did not ask for it")
	}
}

func TestStreamedCall(t *testing.T) {
	for name, c := range map[string]struct{ body, wantUsage string }{
		"usage withheld": {body: streamBody},
		"usage asked": {body: strings.Replace(streamBody, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1),
			wantUsage: "data: " + strings.Replace(strings.Replace(usageChunk, "small-2026", "mock/small", 1), `"reasoning_tokens":8}}`, `"reasoning_tokens":8},"cost":`+plainCost+`}`, 1) + "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent string
			w := start(t, func(rw http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = string(body)
				streams(content("a"), content("b"), stopChunk, usageChunk, "[DONE]")(rw, r)
			})
			a := w.post(c.body)
			if !strings.Contains(sent, `"stream_options":{"include_usage":true}`) {
				t.Errorf("usage was not asked for: %s", sent)
			}
			ours := func(chunk string) string {
				return "data: " + strings.Replace(chunk, "small-2026", "mock/small", 1) + "\n\n"
			}
			want := ours(content("a")) + ours(content("b")) + ours(stopChunk) + c.wantUsage + "data: [DONE]\n\n"
			if diff := cmp.Diff(want, a.body); diff != "" || a.status != 200 || a.err != nil {
				t.Errorf("answer %d, %v: %s", a.status, a.err, diff)
			}
			if ct := a.header.Get("Content-Type"); ct != "text/event-stream" {
				t.Errorf("content type %q", ct)
			}
			if a.header.Get("X-Requesty-Request-Id") == "" || a.header.Values("X-Requesty-Cost-Usd") != nil {
				t.Errorf("headers %v", a.header)
			}
			rec := w.only()
			if rec.usage.CostPico != 810_000_000 || rec.usage.Estimated || !rec.usage.Dimensions.Stream || rec.usage.TtftUs <= 0 ||
				rec.response.FinishReason != "stop" || rec.response.ResponseBytes != int64(len(a.body)) {
				t.Errorf("recorded %v %v", rec.usage, rec.response)
			}
		})
	}
}

// Each event reaches the client while the provider still holds the next one
// back; the last one waits for the ledger.
func TestStreamIsForwardedAsItComesAndItsEndWaitsForTheLedger(t *testing.T) {
	next := make(chan struct{})
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		s := events(rw, r)
		for _, chunk := range []string{content("a"), content("b"), stopChunk} {
			s.send(chunk)
			<-next
		}
		s.send(usageChunk, "[DONE]")
	})
	completing, complete := make(chan struct{}), make(chan struct{})
	w.journal.complete = func() error {
		close(completing)
		<-complete
		return nil
	}
	resp := w.send(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(streamBody), "x-api-key", apiKey)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 3 {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "data: {") || !lines.Scan() {
			t.Fatalf("line %q, %v", lines.Text(), lines.Err())
		}
		next <- struct{}{}
	}
	<-completing
	ended := make(chan string)
	go func() {
		lines.Scan()
		ended <- lines.Text()
	}()
	select {
	case got := <-ended:
		t.Fatalf("%q came before the ledger line", got)
	default:
	}
	close(complete)
	if got := <-ended; got != "data: [DONE]" {
		t.Errorf("last line %q", got)
	}
}

// A stream whose provider is silent says so now and then; the ledger counts what was sent.
func TestSilentStreamIsKeptOpen(t *testing.T) {
	next := make(chan struct{})
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		s := events(rw, r)
		s.send(content("a"))
		<-next
		s.send(content("b"), stopChunk, usageChunk, "[DONE]")
	}, func(c *config) { c.limits.PingInterval = time.Millisecond })
	resp := w.send(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(streamBody), "x-api-key", apiKey)
	defer resp.Body.Close()
	var body strings.Builder
	lines := bufio.NewScanner(resp.Body)
	for pings := 0; lines.Scan(); {
		body.WriteString(lines.Text() + "\n")
		if lines.Text() == ": ping" {
			if pings++; pings == 3 {
				close(next)
			}
		}
	}
	text := body.String()
	if lines.Err() != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") || strings.Index(text, ": ping") < strings.Index(text, `"a"`) {
		t.Errorf("got %v and %s", lines.Err(), text)
	}
	if got := w.only().response.ResponseBytes; got != int64(len(text)) {
		t.Errorf("the ledger has %d bytes of %d", got, len(text))
	}
}

// A second attempt is kept open as the first would have been.
func TestSilentStreamOfASecondAttemptIsKeptOpen(t *testing.T) {
	next := make(chan struct{})
	tries := 0
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		s := events(rw, r)
		if tries++; tries == 1 {
			s.send(`{"error":{"message":"busy","code":529}}`)
			return
		}
		s.send(content("a"))
		select {
		case <-next:
		case <-time.After(5 * time.Second):
			t.Error("no ping came")
		}
		s.send(content("b"), stopChunk, usageChunk, "[DONE]")
	}, sealing(t), func(c *config) { c.limits.PingInterval = time.Millisecond })
	w.brings(`"sk-of-the-organisation"`, "own_then_gateway")
	resp := w.send(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(streamBody), "x-api-key", apiKey)
	defer resp.Body.Close()
	pings := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if lines.Text() == ": ping" {
			if pings++; pings == 1 {
				close(next)
			}
		}
	}
	if rec := w.only(); pings == 0 || rec.usage.Attempts != 2 || rec.response.Status != 200 {
		t.Errorf("%d pings, recorded %v", pings, rec.response)
	}
}

func TestAnswerThatCannotBeRecordedDoesNotEndCleanly(t *testing.T) {
	cannot := func() error { return errFull }
	t.Run("plain", func(t *testing.T) {
		w := start(t, respond(200, plainAnswer))
		w.journal.complete = cannot
		a := w.post(plainBody)
		if e := a.error(t); a.status != 503 || a.header.Get("Retry-After") == "" || value(e.Error.Code) != "cannot_record" || e.Error.Origin != "router" {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
	t.Run("stream", func(t *testing.T) {
		w := start(t, streams(content("a"), stopChunk, "[DONE]"))
		w.journal.complete = cannot
		a := w.post(streamBody)
		if !errors.Is(a.err, io.ErrUnexpectedEOF) || strings.Contains(a.body, "[DONE]") || !strings.Contains(a.body, "event: error\ndata: {\"error\"") {
			t.Errorf("got %q, %v", a.body, a.err)
		}
	})
	t.Run("not begun", func(t *testing.T) {
		w := start(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was called") })
		w.journal.begin = errFull
		for _, body := range []string{plainBody, `{`} {
			a := w.post(body)
			if e := a.error(t); a.status != 503 || a.header.Get("Retry-After") == "" || value(e.Error.Code) != "cannot_record" {
				t.Errorf("got %d %s", a.status, a.body)
			}
		}
		w.none()
	})
}

func TestUsageThatIsMissingIsEstimated(t *testing.T) {
	noUsage := `{"model":"m","choices":[{"message":{"content":"hello world"},"finish_reason":"stop"}]}`
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		body  string
	}{
		"plain":        {respond(200, noUsage), plainBody},
		"stream":       {streams(content("hello world"), stopChunk, "[DONE]"), streamBody},
		"stream asked": {streams(content("hello world"), stopChunk, "[DONE]"), strings.Replace(streamBody, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, c.serve)
			a := w.post(c.body)
			u := w.only().usage
			if !u.Estimated || u.Tokens.Output != 2 || u.Tokens.Input == 0 || u.CostPico == 0 || u.Status != 200 {
				t.Errorf("recorded %v", u)
			}
			if name != "stream" && (!strings.Contains(a.body, `"completion_tokens":2,`) || !strings.Contains(a.body, `"cost":`)) {
				t.Errorf("the client was not told: %s", a.body)
			}
		})
	}
}

// unfinished serves a stream as it is given.
func unfinished(text string) http.HandlerFunc {
	return respond(200, text, "Content-Type", "text/event-stream")
}

func TestUnusualAnswers(t *testing.T) {
	garbageUsage := strings.Replace(plainAnswer, `"prompt_tokens":100`, `"prompt_tokens":2000000000`, 1)
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		body  string
		check func(a answer, rec *recorded) bool
	}{
		"garbage counts": {respond(200, garbageUsage), plainBody, func(a answer, rec *recorded) bool {
			return a.status == 200 && rec.usage.TokensRejected && rec.usage.Tokens.Input == 0 && rec.usage.Tokens.Output == 56
		}},
		"unpriced model": {respond(200, plainAnswer), strings.Replace(plainBody, "mock/small", "mock/unheard-of@eu-west", 1), func(a answer, rec *recorded) bool {
			return a.status == 200 && rec.usage.PriceUnknown && rec.usage.CostPico == 0 && rec.usage.Tokens.Input == 50 && rec.usage.Region == "eu-west" &&
				rec.usage.Model == "unheard-of" && strings.Contains(a.body, `"model":"mock/unheard-of"`) && strings.Contains(a.body, `"cost":0}`)
		}},
		"a document where a stream was asked": {respond(200, plainAnswer, "Content-Type", "application/json; charset=utf-8"), streamBody, func(a answer, rec *recorded) bool {
			return a.status == 200 && strings.Contains(a.body, `"model":"mock/small"`) && rec.usage.CostPico == 810_000_000
		}},
		"an endless finish reason": {respond(200, strings.Replace(plainAnswer, `"stop"`, `"`+strings.Repeat("x", 600<<10)+`"`, 1)), plainBody, func(a answer, rec *recorded) bool {
			return a.status == 200 && len(rec.response.FinishReason) <= 256 && rec.usage.CostPico == 810_000_000
		}},
		"no blank line at the end": {unfinished("data: " + content("a") + "\n\ndata: " + stopChunk + "\n"), strings.Replace(streamBody, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1), func(a answer, rec *recorded) bool {
			return a.status == 200 && rec.usage.Estimated && strings.Count(a.body, "\n\ndata: {") == 2
		}},
		"broken off without a blank line": {unfinished("data: " + content("a")), streamBody, func(a answer, rec *recorded) bool {
			return a.status == 200 && rec.response.ErrorKind == "provider_cut" && strings.Contains(a.body, "\n\nevent: error\n")
		}},
		"no [DONE]": {streams(content("a"), stopChunk, usageChunk), streamBody, func(a answer, rec *recorded) bool {
			return a.status == 200 && a.err == nil && rec.usage.CostPico == 810_000_000 && rec.response.ErrorKind == ""
		}},
		"usage in the last content chunk": {streams(strings.Replace(stopChunk, `]}`, `],"usage":{"prompt_tokens":3,"completion_tokens":4}}`, 1), "[DONE]"), streamBody, func(a answer, rec *recorded) bool {
			return a.status == 200 && rec.usage.Tokens.Input == 3 && rec.usage.Tokens.Output == 4 && !rec.usage.Estimated && strings.Contains(a.body, `"finish_reason":"stop"`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, c.serve)
			a := w.post(c.body)
			if rec := w.only(); !c.check(a, rec) {
				t.Errorf("got %d %s\n%v\n%v", a.status, a.body, rec.usage, rec.response)
			}
		})
	}
}

func TestPayloadIsCapturedForKeysThatAskForIt(t *testing.T) {
	w := start(t, streams(content("a"), stopChunk, "[DONE]"))
	a := w.do(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(streamBody), "Authorization", "Bearer "+loggingKey)
	p := w.only().payload
	if string(p.Request) != streamBody || string(p.Response) != a.body || p.RequestTruncated || p.ResponseTruncated || p.ExpiresAt <= p.OccurredAt {
		t.Errorf("payload %v, answer %q", p, a.body)
	}

	big := strings.Repeat("x", 400<<10)
	w = start(t, respond(200, strings.Replace(plainAnswer, "hello", big, 1)))
	w.do(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(strings.Replace(plainBody, "hi", big, 1)), "Authorization", "Bearer "+loggingKey)
	p = w.only().payload
	if !p.RequestTruncated || !p.ResponseTruncated || p.SizeVT() > 512<<10 || len(p.Request) < 200<<10 || len(p.Response) < 200<<10 {
		t.Errorf("payload of %d: %d, %d bytes, truncated %v, %v", p.SizeVT(), len(p.Request), len(p.Response), p.RequestTruncated, p.ResponseTruncated)
	}
}
