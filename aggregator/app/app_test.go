package app

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/internal/live"
)

// An aggregator starts while everything around it is away, says so, and stops.
func TestAggregatorAlone(t *testing.T) {
	o := Options{
		Kafka: eventlog.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(),
		Redis: live.DefaultConfig(), Aggregator: DefaultConfig(), Logger: slog.New(slog.DiscardHandler),
	}
	const nobody = "127.0.0.1:1"
	o.Kafka.Brokers, o.ClickHouse.Addr, o.Redis.Addr = []string{nobody}, nobody, nobody
	o.Aggregator.MetricsListen = "127.0.0.1:0"
	a, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { ended <- a.Run(ctx) }()

	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, response.StatusCode, want)
		}
	}

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Run does not end")
	}
	if _, err := New(t.Context(), Options{Logger: o.Logger}); err == nil {
		t.Error("New took an empty configuration")
	}
}
