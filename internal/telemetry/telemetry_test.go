package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestRegistryServes(t *testing.T) {
	registry := NewRegistry("ingest")
	w := httptest.NewRecorder()
	Handler(registry, slog.New(slog.DiscardHandler)).ServeHTTP(w,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, want := range []string{`weir_build_info{`, `service="ingest"`, "go_goroutines ", "promhttp_metric_handler_errors_total"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	// Two services in one process must not meet.
	NewRegistry("ingest")
}

// A collector that fails leaves the others in the answer and itself in the log.
func TestFailingCollector(t *testing.T) {
	registry := NewRegistry("gateway")
	registry.MustRegister(failing{prometheus.NewDesc("weir_broken", "Always fails.", nil, nil)})
	var log bytes.Buffer
	w := httptest.NewRecorder()
	Handler(registry, slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(w,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "weir_build_info") {
		t.Errorf("status %d, want 200 with the other metrics", w.Code)
	}
	if !strings.Contains(log.String(), "disk away") {
		t.Errorf("log does not name the failure: %s", log.String())
	}
}

type failing struct{ desc *prometheus.Desc }

func (f failing) Describe(ch chan<- *prometheus.Desc) { ch <- f.desc }

func (f failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(f.desc, errors.New("disk away"))
}
