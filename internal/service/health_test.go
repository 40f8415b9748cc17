package service

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestReady(t *testing.T) {
	state := func(s State, details map[string]any) Check {
		return func(context.Context) (State, map[string]any) { return s, details }
	}
	f := func(name string, checks map[string]Check, code int, want map[string]any) {
		t.Run(name, func(t *testing.T) {
			var health Health
			for name, check := range checks {
				health.Add(name, check)
			}
			w := httptest.NewRecorder()
			health.Ready(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			var got map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" || w.Code != code {
				t.Errorf("status %d, want %d; -want +got:\n%s", w.Code, code, diff)
			}
		})
	}
	type m = map[string]any

	f("no checks", nil, 200, m{"status": "ok", "checks": m{}})
	f("details, which cannot hide the status", map[string]Check{"spool": state(OK, m{"bytes": 12, "status": "x"})},
		200, m{"status": "ok", "checks": m{"spool": m{"status": "ok", "bytes": 12.0}}})
	f("degraded still serves", map[string]Check{"kafka": state(Degraded, nil), "spool": state(OK, nil)},
		200, m{"status": "degraded", "checks": m{"kafka": m{"status": "degraded"}, "spool": m{"status": "ok"}}})
	f("down wins", map[string]Check{"a": state(Down, nil), "b": state(Degraded, nil)},
		503, m{"status": "down", "checks": m{"a": m{"status": "down"}, "b": m{"status": "degraded"}}})
}

func TestReadyDoesNotWaitForAHangingCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		var health Health
		health.Add("redis", func(context.Context) (State, map[string]any) { <-hang; return OK, nil })
		w := httptest.NewRecorder()
		health.Ready(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		want := `{"checks":{"redis":{"error":"no answer within 2s","status":"down"}},"status":"down"}` + "\n"
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
			t.Errorf("%d %s, want 503 %s", w.Code, w.Body, want)
		}
	})
}

func TestOps(t *testing.T) {
	var health Health
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "weir_up 1\n") })
	ops, err := NewOps("127.0.0.1:0", &health, metrics)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ops.Run(ctx) }()

	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}` + "\n",
		"/readyz":  `{"checks":{},"status":"ok"}` + "\n",
		"/metrics": "weir_up 1\n",
	} {
		answer, err := http.Get("http://" + ops.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || answer.StatusCode != 200 || string(body) != want {
			t.Errorf("%s: %d %q, %v; want 200 %q", path, answer.StatusCode, body, err, want)
		}
	}

	if _, err := NewOps(ops.Addr(), &health, metrics); err == nil {
		t.Error("a taken address gave no error")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
	if err := ops.Close(); err != nil {
		t.Errorf("close after the end: %v", err)
	}
	if conn, err := net.Dial("tcp", ops.Addr()); err == nil {
		_ = conn.Close()
		t.Error("still listening after the end")
	}
}

func TestOpsClosedBeforeRun(t *testing.T) {
	ops, err := NewOps("127.0.0.1:0", &Health{}, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if conn, err := net.Dial("tcp", ops.Addr()); err == nil {
		_ = conn.Close()
		t.Error("still listening")
	}
}
