package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/schemas"
)

// Clients choose models' names: what the catalog does not know is one series.
func TestLabelsAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, []string{"p/known"})
	for i := range 100 {
		m.Served("p", fmt.Sprintf("p/made-up-%d", i), "", time.Second, time.Millisecond, &schemas.Tokens{Input: 1})
	}
	m.Served("p", "p/known", "provider_error", time.Second, 0, nil)
	m.Refused("invalid_request")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"gen_ai_client_operation_duration_seconds": 2, "gen_ai_client_token_usage": 10, "gen_ai_server_time_to_first_token_seconds": 2, "weir_gateway_refusals_total": 1}
	for _, f := range families {
		if n := want[f.GetName()]; n != 0 && len(f.GetMetric()) != n {
			t.Errorf("%s has %d series, want %d", f.GetName(), len(f.GetMetric()), n)
		}
	}
	if len(m.series) != 2 {
		t.Errorf("%d series kept", len(m.series))
	}
}

func BenchmarkServed(b *testing.B) {
	m := New(prometheus.NewRegistry(), []string{"p/m"})
	tokens := &schemas.Tokens{Input: 100, Output: 64}
	b.ReportAllocs()
	for b.Loop() {
		m.Served("p", "p/m", "", time.Second, time.Millisecond, tokens)
	}
}
