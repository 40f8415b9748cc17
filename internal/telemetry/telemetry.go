// Package telemetry builds the Prometheus registry of a binary and serves it.
//
// Names: where OpenTelemetry's semantic conventions have a metric, ours is that
// name in Prometheus' spelling (gen_ai.client.operation.duration becomes
// gen_ai_client_operation_duration_seconds, its attributes become labels with
// underscores); everything else is weir_<component>_<what>_<unit>, counters
// ending in _total, sizes in bytes and times in seconds. A label never holds
// what a client may choose freely (a user, a tag, a requested model): those are
// questions for ClickHouse.
//
// Guarantee: each registry stands alone; there is no default one, so two
// services in one test process do not meet. Registering a name twice is a
// programming error and panics at start.
//
// Concurrency: a registry and its handler may be used by any goroutine.
//
// Failure: a collector that fails is left out of an answer, is reported in the
// log, and does not take the others with it.
package telemetry

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry returns a registry that already has the Go runtime's and the
// process's metrics and weir_build_info{service, version, go_version} = 1.
func NewRegistry(service string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "weir_build_info",
		Help: "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{
			"service": service, "version": Version(), "go_version": runtime.Version(),
		},
	})
	build.Set(1)
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build,
	)
	return registry
}

// release is what a build without version control says it is, by the linker's
// -X weir/internal/telemetry.release=VERSION.
var release string

// Version is the release, or else the version that the Go tool stamped into the
// binary, "(devel)" when it stamped none.
func Version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Handler serves /metrics from the registry.
func Handler(registry *prometheus.Registry, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      errorLog{log},
		Registry:      registry,
	})
}

// errorLog is what promhttp writes its complaints to.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) {
	l.log.Error("gather metrics", "error", fmt.Sprint(v...))
}
