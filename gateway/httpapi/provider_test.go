package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// breaks cuts the connection.
func breaks(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func TestProviderFailures(t *testing.T) {
	hang := func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		serve    http.HandlerFunc
		address  string
		stream   bool
		status   int
		kind     string
		origin   string
		code     string
		message  string
		upstream int32
	}{
		"refused":       {address: "refusing", status: 502, kind: "provider_unreachable", origin: "provider", code: "provider_unreachable"},
		"closed":        {serve: func(rw http.ResponseWriter, _ *http.Request) { breaks(rw) }, status: 502, kind: "provider_unreachable", origin: "provider"},
		"hangs":         {serve: hang, status: 503, kind: "provider_timeout", origin: "provider", code: "provider_timeout"},
		"hangs, stream": {serve: hang, stream: true, status: 503, kind: "provider_timeout", origin: "provider", code: "provider_timeout"},
		"hangs after headers": {serve: func(rw http.ResponseWriter, r *http.Request) {
			events(rw, r).send()
			<-r.Context().Done()
		}, stream: true, status: 503, kind: "provider_timeout", origin: "provider", upstream: 200},
		"cut in the body": {serve: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			respond(200, `{"id":"x",`)(rw, r)
			rw.(http.Flusher).Flush()
			breaks(rw)
		}, status: 502, kind: "provider_cut", origin: "provider", code: "provider_cut", upstream: 200},
		"garbage":             {serve: respond(200, "<html>oops</html>", "Content-Type", "text/html"), status: 424, kind: "provider_unreadable", origin: "provider", code: "provider_unreadable", upstream: 200},
		"empty":               {serve: respond(200, ""), status: 424, kind: "provider_unreadable", origin: "provider", upstream: 200},
		"no choices":          {serve: respond(200, "{}"), status: 424, kind: "provider_unreadable", origin: "provider", upstream: 200},
		"too large":           {serve: respond(200, `{"x":"`+strings.Repeat("x", 9<<20)+`"}`), status: 424, kind: "provider_unreadable", origin: "provider", upstream: 200},
		"redirect":            {serve: respond(302, "", "Location", "/elsewhere"), status: 424, kind: "provider_unreadable", origin: "provider", upstream: 302},
		"error in 200":        {serve: respond(200, `{"error":{"message":"oops","type":"t","code":429}}`), status: 429, kind: "provider_rate_limited", origin: "provider", code: "429", message: "oops", upstream: 200},
		"error in 200, text":  {serve: respond(200, `{"error":"oops"}`), status: 502, kind: "provider_error", origin: "provider", message: "oops", upstream: 200},
		"bad request":         {serve: respond(400, `{"error":{"message":"no","type":"invalid_request_error","param":"n","code":"c"}}`), status: 400, kind: "provider_error", origin: "provider", code: "c", message: "no", upstream: 400},
		"unknown model":       {serve: respond(404, `{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}`), status: 404, kind: "provider_error", origin: "provider", code: "model_not_found", message: "no such model", upstream: 404},
		"our key":             {serve: respond(401, `{"error":{"message":"bad key sk-upstream"}}`), status: 502, kind: "provider_credentials", origin: "provider", code: "provider_credentials", upstream: 401},
		"our account":         {serve: respond(402, `{"error":{"message":"pay"}}`), status: 502, kind: "provider_credentials", origin: "provider", upstream: 402},
		"rate limit":          {serve: respond(429, `{"error":{"message":"slow","type":"requests"}}`, "Retry-After", "7", "X-Ratelimit-Remaining-Requests", "0"), status: 429, kind: "provider_rate_limited", origin: "provider", message: "slow", upstream: 429},
		"server error":        {serve: respond(500, `oops`), stream: true, status: 500, kind: "provider_error", origin: "provider", upstream: 500},
		"overloaded":          {serve: respond(529, `{"error":{"message":"busy","type":"overloaded_error"}}`), status: 529, kind: "provider_overloaded", origin: "provider", message: "busy", upstream: 529},
		"stream: error first": {serve: streams(`{"error":{"message":"oops","code":503}}`), stream: true, status: 503, kind: "provider_error", origin: "provider", message: "oops", upstream: 200},
		"stream: garbage":     {serve: streams(`<html>`), stream: true, status: 424, kind: "provider_unreadable", origin: "provider", upstream: 200},
		"stream: nothing":     {serve: streams(), stream: true, status: 424, kind: "provider_unreadable", origin: "provider", upstream: 200},
		"stream: cut at once": {serve: func(rw http.ResponseWriter, r *http.Request) { events(rw, r).send(); breaks(rw) }, stream: true, status: 502, kind: "provider_cut", origin: "provider", upstream: 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, c.serve, func(cfg *config) {
				if c.address != "" {
					cfg.provider.BaseURL = refusing(t)
				}
				if strings.HasPrefix(name, "hangs") {
					cfg.provider.Timeout, cfg.provider.IdleTimeout = 50*time.Millisecond, 50*time.Millisecond
				}
			})
			body := plainBody
			if c.stream {
				body = streamBody
			}
			a := w.post(body)
			e := a.error(t)
			if a.status != c.status || e.Error.Origin != c.origin || c.code != "" && value(e.Error.Code) != c.code || c.message != "" && e.Error.Message != c.message {
				t.Errorf("got %d %s", a.status, a.body)
			}
			if strings.Contains(a.body, "sk-upstream") {
				t.Errorf("the gateway's key: %s", a.body)
			}
			if name == "rate limit" && (a.header.Get("Retry-After") != "7" || a.header.Get("X-Ratelimit-Remaining-Requests") != "0") {
				t.Errorf("headers %v", a.header)
			}
			rec := w.only()
			if int(rec.response.Status) != c.status || rec.response.ErrorKind != c.kind || rec.response.ErrorOrigin != c.origin || rec.usage.CostPico != 0 || rec.usage.Estimated ||
				len(rec.response.Attempts) != 1 || rec.response.Attempts[0].Status != c.upstream || rec.response.Attempts[0].ErrorKind != c.kind {
				t.Errorf("recorded %v\n%v", rec.response, rec.usage)
			}
		})
	}
}

func TestStreamsThatFailAfterTheirFirstByte(t *testing.T) {
	for name, c := range map[string]struct {
		serve     http.HandlerFunc
		status    int32
		kind      string
		estimated bool
	}{
		"cut": {func(rw http.ResponseWriter, r *http.Request) {
			events(rw, r).send(content("hello"))
			breaks(rw)
		}, 502, "provider_cut", true},
		"cut in an event": {func(rw http.ResponseWriter, r *http.Request) {
			s := events(rw, r)
			s.send(content("hello"))
			_, _ = io.WriteString(rw, `data: {"id":"x","mod`)
			s.send()
			breaks(rw)
		}, 502, "provider_cut", true},
		"ends early":        {streams(content("hello")), 502, "provider_cut", true},
		"error":             {streams(content("hello"), `{"error":{"message":"oops","code":"server_error"}}`), 502, "provider_error", true},
		"error, then usage": {streams(content("hello"), `{"error":{"message":"oops","code":529}}`, usageChunk), 529, "provider_overloaded", false},
		"garbage":           {streams(content("hello"), `<html>`), 424, "provider_unreadable", true},
		"silence": {func(rw http.ResponseWriter, r *http.Request) {
			events(rw, r).send(content("hello"))
			<-r.Context().Done()
		}, 503, "provider_timeout", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, c.serve, func(cfg *config) {
				if name == "silence" {
					cfg.provider.IdleTimeout = 50 * time.Millisecond
				}
			})
			a := w.post(streamBody)
			first := "data: " + strings.Replace(content("hello"), "small-2026", "mock/small", 1) + "\n\n"
			rest, ok := strings.CutPrefix(a.body, first)
			if !ok || a.status != 200 || a.err != nil || !strings.HasPrefix(rest, "event: error\ndata: {\"error\":{") || strings.Count(rest, "\n\n") != 1 {
				t.Errorf("got %d %q, %v", a.status, a.body, a.err)
			}
			rec := w.only()
			if rec.response.Status != c.status || rec.response.ErrorKind != c.kind || rec.usage.Estimated != c.estimated || rec.usage.CostPico == 0 {
				t.Errorf("recorded %v\n%v", rec.response, rec.usage)
			}
		})
	}
}

// Usage that is reported in every chunk is that of the answer so far: it makes no answer
// whole that broke off.
func TestUsageSoFarIsNoEnd(t *testing.T) {
	soFar := strings.Replace(usageChunk, `"choices":[]`, `"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]`, 1)
	chat := strings.NewReplacer(`"stream":true`, `"stream":true,"max_tokens":9`).Replace(streamBody)
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		for want, end := range map[int32][]string{502: {soFar}, 200: {soFar, stopChunk}} {
			w := start(t, streams(end...))
			a := w.do(t.Context(), "POST", path, strings.NewReader(chat), "x-api-key", apiKey)
			if rec := w.only(); rec.response.Status != want || rec.usage.Estimated != (want != 200) || rec.usage.CostPico != 810_000_000 {
				t.Errorf("%s: recorded %v\n%v\n%s", path, rec.response, rec.usage, a.body)
			}
		}
	}
}
