package httpapi_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// leaveAfter opens a stream, reads its first event and leaves. left is closed
// when the client has gone.
func (w *world) leaveAfterFirstEvent(left chan<- struct{}) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	resp := w.send(ctx, "POST", "/v1/chat/completions", strings.NewReader(streamBody), "Authorization", "Bearer "+apiKey)
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "data: ") {
		w.t.Errorf("first line %q, %v", line, err)
	}
	cancel()
	resp.Body.Close()
	close(left)
}

// gauge waits until a metric has the value.
func (w *world) gauge(name string, want float64) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		families, err := w.registry.Gather()
		if err != nil {
			w.t.Fatal(err)
		}
		got := -1.0
		for _, f := range families {
			if f.GetName() == name {
				m := f.GetMetric()[0]
				got = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is %v, want %v", name, got, want)
		}
	}
}

const draining = "weir_gateway_drains_in_flight"

func TestStreamIsReadOnWhenTheClientLeaves(t *testing.T) {
	left := make(chan struct{})
	var w *world
	w = start(t, func(rw http.ResponseWriter, r *http.Request) {
		s := events(rw, r)
		s.send(content("a"))
		<-left
		w.gauge(draining, 1)
		s.send(content("b"), stopChunk, usageChunk, "[DONE]")
	})
	w.leaveAfterFirstEvent(left)
	rec := w.only()
	if rec.response.Status != 499 || rec.response.ErrorKind != "client_disconnected" || !rec.response.ClientDisconnected || rec.response.Attempts[0].Status != 200 ||
		rec.usage.Estimated || rec.usage.CostPico != 810_000_000 || rec.response.FinishReason != "stop" {
		t.Errorf("recorded %v\n%v", rec.response, rec.usage)
	}
	w.gauge(draining, 0)
}

func TestPlainCallIsReadOnWhenTheClientLeaves(t *testing.T) {
	begun, left := make(chan struct{}), make(chan struct{})
	var w *world
	w = start(t, func(rw http.ResponseWriter, r *http.Request) {
		close(begun)
		<-left
		w.gauge(draining, 1)
		respond(200, plainAnswer)(rw, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-begun
		cancel()
		close(left)
	}()
	req, _ := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/chat/completions", strings.NewReader(plainBody))
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Error("the client got an answer")
	}
	rec := w.only()
	if rec.response.Status != 499 || rec.usage.CostPico != 810_000_000 || rec.response.ResponseBytes != 0 {
		t.Errorf("recorded %v\n%v", rec.response, rec.usage)
	}
}

func TestReadingOnIsBounded(t *testing.T) {
	for name, change := range map[string]func(*config){
		"in number": func(c *config) { c.limits.DrainMax = 0 },
		"in time":   func(c *config) { c.limits.DrainTimeout = 20 * time.Millisecond },
		"in bytes":  func(c *config) { c.limits.DrainMaxBytes = 64 << 10 },
	} {
		t.Run(name, func(t *testing.T) {
			left, cut := make(chan struct{}), make(chan struct{})
			w := start(t, func(rw http.ResponseWriter, r *http.Request) {
				s := events(rw, r)
				s.send(content("a"))
				<-left
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				defer close(cut)
				for {
					select {
					case <-r.Context().Done():
						return
					case <-tick.C:
						s.send(content(strings.Repeat("word ", 200)))
					}
				}
			}, change)
			w.leaveAfterFirstEvent(left)
			<-cut
			rec := w.only()
			if rec.response.Status != 499 || !rec.usage.Estimated || rec.usage.Tokens.Input == 0 || rec.usage.Tokens.Output == 0 ||
				rec.response.Attempts[0].ErrorKind != "client_disconnected" {
				t.Errorf("recorded %v\n%v", rec.response, rec.usage)
			}
			w.gauge(draining, 0)
			w.gauge("weir_gateway_drains_cut_total", 1)
		})
	}
}

func TestClientThatDoesNotReadIsTakenForGone(t *testing.T) {
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		s := events(rw, r)
		for range 400 {
			s.send(content(strings.Repeat("x", 64<<10)))
		}
		s.send(stopChunk, usageChunk, "[DONE]")
	}, func(c *config) {
		c.limits.WriteTimeout = 50 * time.Millisecond
		c.limits.DrainMaxBytes = 1 << 30
	})
	conn := w.dial(rawHead + "Content-Length: " + "80" + "\r\n\r\n" + streamBody + strings.Repeat(" ", 80-len(streamBody)))
	defer conn.Close()
	rec := w.only()
	if rec.response.Status != 499 || rec.usage.CostPico != 810_000_000 || rec.usage.Estimated {
		t.Errorf("recorded %v\n%v", rec.response, rec.usage)
	}
}

func TestStopEndsOpenCallsAndRecordsThem(t *testing.T) {
	for name, body := range map[string]string{"plain": plainBody, "stream": streamBody} {
		t.Run(name, func(t *testing.T) {
			begun := make(chan struct{})
			w := start(t, func(rw http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				close(begun)
				<-r.Context().Done()
			})
			go func() {
				<-begun
				w.pipeline.Stop()
			}()
			a := w.post(body)
			if e := a.error(t); a.status != 503 || value(e.Error.Code) != "shutting_down" {
				t.Errorf("got %d %s", a.status, a.body)
			}
			if rec := w.only(); rec.response.ErrorKind != "shutting_down" {
				t.Errorf("recorded %v", rec.response)
			}
		})
	}
}

// A deadline that one call set must not end the next one on its connection.
func TestConnectionsAreUsedAgain(t *testing.T) {
	w := start(t, streams(content("a"), stopChunk, usageChunk, "[DONE]"), func(c *config) {
		c.limits.WriteTimeout, c.limits.BodyTimeout = 30*time.Millisecond, 30*time.Millisecond
	})
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for range 3 {
		if a := w.post(streamBody); a.status != 200 || a.err != nil || !strings.HasSuffix(a.body, "data: [DONE]\n\n") {
			t.Errorf("got %d %q, %v", a.status, a.body, a.err)
		}
		<-pause.C
	}
	w.calls(3)
}
