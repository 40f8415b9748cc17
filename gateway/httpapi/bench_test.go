package httpapi_test

import (
	"fmt"
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

// BenchmarkCall is a call through the gateway, journal in memory, beside one
// through the bare proxy. cpu-µs/op is the process's CPU time, client and
// provider included; they are the same on both sides.
func BenchmarkCall(b *testing.B) {
	chunks := make([]string, 0, 36)
	for range 32 {
		chunks = append(chunks, content(" lorem ipsum"))
	}
	chunks = append(chunks, stopChunk, usageChunk, "[DONE]")
	provider := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"stream":true`) {
			respond(200, strings.Replace(plainAnswer, "hello", strings.Repeat("lorem ipsum ", 60), 1))(w, r)
			return
		}
		s := events(w, r)
		for _, c := range chunks {
			s.send(c)
		}
	}
	text := strings.Repeat("lorem ipsum ", 75)
	for name, body := range map[string]string{"plain": strings.Replace(plainBody, "hi", text, 1), "stream": strings.Replace(streamBody, "hi", text, 1)} {
		for _, side := range []string{"bare", "gateway"} {
			b.Run(fmt.Sprintf("%s/%s", name, side), func(b *testing.B) {
				var url string
				if side == "bare" {
					upstream := httptest.NewServer(http.HandlerFunc(provider))
					defer upstream.Close()
					front := httptest.NewServer(bare(upstream.URL))
					defer front.Close()
					url = front.URL
				} else {
					w := start(b, provider)
					w.journal.forget = true
					url = w.url
				}
				client := &http.Transport{MaxIdleConnsPerHost: 16}
				defer client.CloseIdleConnections()
				b.ReportAllocs()
				before := cpu(b)
				for b.Loop() {
					req, _ := http.NewRequest("POST", url+"/v1/chat/completions", strings.NewReader(body))
					req.Header.Set("Authorization", "Bearer "+apiKey)
					resp, err := client.RoundTrip(req)
					if err != nil {
						b.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
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
