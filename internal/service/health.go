package service

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// State is what a readiness check found.
type State string

// OK and Degraded serve; Down takes the service out of its balancer.
const (
	OK       State = "ok"
	Degraded State = "degraded"
	Down     State = "down"
)

// Check looks at one thing the service depends on, quickly and without side
// effects, and gives details that JSON can hold.
type Check func(ctx context.Context) (State, map[string]any)

// checkLimit bounds one readiness check, so that a hanging dependency makes an
// answer and not a hanging probe.
const checkLimit = 2 * time.Second

// Health answers the probes. The zero value has no checks and is ready.
type Health struct {
	mu     sync.Mutex // owns checks
	checks []namedCheck
}

type namedCheck struct {
	name string
	look Check
}

type checkResult struct {
	state   State
	details map[string]any
}

// Add registers a check under a name that appears in the answer of /readyz.
func (h *Health) Add(name string, check Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, namedCheck{name, check})
}

// Live is /healthz: 200 as long as the process answers at all.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

// Ready is /readyz: {"status", "checks": {name: {"status", …details}}}, with
// 503 when any check is down, and 200 otherwise, degraded included.
func (h *Health) Ready(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	checks := slices.Clone(h.checks)
	h.mu.Unlock()

	ctx, cancel := context.WithTimeout(r.Context(), checkLimit)
	defer cancel()
	results := make([]chan checkResult, len(checks))
	for i, check := range checks {
		results[i] = make(chan checkResult, 1)
		go func() {
			state, details := check.look(ctx)
			results[i] <- checkResult{state, details}
		}()
	}

	status := OK
	answer := make(map[string]map[string]any, len(checks))
	for i, check := range checks {
		var result checkResult
		select {
		case result = <-results[i]:
		case <-ctx.Done():
			result = checkResult{Down, map[string]any{"error": "no answer within " + checkLimit.String()}}
		}
		entry := map[string]any{"status": result.state}
		for key, value := range result.details {
			if key != "status" {
				entry[key] = value
			}
		}
		answer[check.name] = entry
		if result.state == Down || result.state == Degraded && status == OK {
			status = result.state
		}
	}

	body, err := json.Marshal(map[string]any{"status": status, "checks": answer})
	if err != nil {
		http.Error(w, "encode readiness: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if status == Down {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n'))
}
