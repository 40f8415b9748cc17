package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bare is the proxy that the gateway is measured against: it reads the body,
// sends it on one shared transport and copies the answer with a flush after
// each read.
func bare(target string) http.Handler {
	transport := &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 1024, DisableCompression: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.Path, strings.NewReader(string(body)))
		if err != nil {
			return
		}
		req.Header = r.Header.Clone()
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		buf := make([]byte, 32<<10)
		for {
			n, err := resp.Body.Read(buf)
			if n > 0 {
				_, _ = w.Write(buf[:n])
				_ = http.NewResponseController(w).Flush()
			}
			if err != nil {
				return
			}
		}
	})
}

// call is a sort of call of the benchmarks: what the client sends, and how many
// content chunks it gets.
type call struct {
	name, body string
	chunks     int
}

func calls() []call {
	text := strings.Repeat("lorem ipsum ", 75)
	return []call{
		{"plain", strings.Replace(plainBody, "hi", text, 1), 0},
		{"stream", strings.Replace(streamBody, "hi", text, 1), 32},
	}
}

// provider answers with 1 kB, or with a stream of so many content chunks.
func (c call) provider() http.HandlerFunc {
	if c.chunks == 0 {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			respond(200, strings.Replace(plainAnswer, "hello", strings.Repeat("lorem ipsum ", 60), 1))(w, r)
		}
	}
	var chunks []string
	for range c.chunks {
		chunks = append(chunks, content(" lorem ipsum"))
	}
	chunks = append(chunks, stopChunk, usageChunk, "[DONE]")
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s := events(w, r)
		for _, chunk := range chunks {
			s.send(chunk)
		}
	}
}

// through returns a function that makes the call through the gateway, journal in
// memory, or through the bare proxy.
func (c call) through(tb testing.TB, side string) func() {
	url := ""
	if side == "bare" {
		upstream := httptest.NewServer(c.provider())
		tb.Cleanup(upstream.Close)
		front := httptest.NewServer(bare(upstream.URL))
		tb.Cleanup(front.Close)
		url = front.URL
	} else {
		w := start(tb, c.provider())
		w.journal.forget = true
		url = w.url
	}
	client := &http.Transport{MaxIdleConnsPerHost: 16}
	tb.Cleanup(client.CloseIdleConnections)
	return func() {
		req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(c.body))
		if err != nil {
			tb.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+apiKey)
		resp, err := client.RoundTrip(req)
		if err != nil {
			tb.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkCall is a call through the gateway beside one through the bare proxy.
// cpu-µs/op is the process's CPU time, client and provider included; they are the
// same on both sides.
func BenchmarkCall(b *testing.B) {
	for _, c := range calls() {
		for _, side := range []string{"bare", "gateway"} {
			b.Run(c.name+"/"+side, func(b *testing.B) {
				call := c.through(b, side)
				b.ReportAllocs()
				before := cpu(b)
				for b.Loop() {
					call()
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// What the gateway allocates beyond a bare proxy in front of the same provider,
// for a call and for one more chunk of a stream. Measured: 71 and 73 a call (76
// and 79 under the race detector) and none a chunk. Raise a bound only for
// something that is worth it.
func TestAllocations(t *testing.T) {
	own := func(c call) float64 {
		return testing.AllocsPerRun(200, c.through(t, "gateway")) - testing.AllocsPerRun(200, c.through(t, "bare"))
	}
	for _, c := range calls() {
		const most = 88
		if got := own(c); got > most {
			t.Errorf("%s: the gateway allocates %.0f times a call beyond a bare proxy, want at most %d", c.name, got, most)
		}
	}
	short := calls()[1]
	long := short
	long.chunks += 100
	const most = 0.5
	if got := (own(long) - own(short)) / 100; got > most {
		t.Errorf("the gateway allocates %.2f times a chunk beyond a bare proxy, want at most %.1f", got, most)
	}
}

// cpu is the CPU time of this process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
