package telemetry

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// What a scope registered is gone after Close, and its names are free; the rest
// of the registry stays.
func TestScope(t *testing.T) {
	registry := NewRegistry("aggregator")
	names := func() map[string]bool {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		for _, f := range families {
			names[f.GetName()] = true
		}
		return names
	}
	before := len(names())
	for range 2 {
		scope := NewScope(registry)
		scope.MustRegister(
			prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_first_total"}),
			prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_second"}))
		if err := scope.Register(prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_second"})); err == nil {
			t.Error("a name was taken twice")
		}
		if got := names(); !got["weir_first_total"] || !got["weir_second"] {
			t.Errorf("registered, and there are %v", got)
		}
		scope.Close()
		scope.Close()
		if got := len(names()); got != before {
			t.Errorf("%d names after Close, want %d", got, before)
		}
	}
}
