package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/clickhouse"
	"weir/gateway/bootstrap"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/eventlog/kafkatest"
	"weir/internal/live"
	"weir/schemas"
)

// run runs a gateway until the test, or the returned function, ends it.
func run(t *testing.T, o Options) (url string, stop func()) {
	t.Helper()
	starting, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	g, err := New(starting, o)
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(running) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return "http://" + g.Addr(), stop
}

// check asks a gateway for a key and returns the status.
func check(t *testing.T, url, key string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/auth/check", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// The keys of the first weir.yaml are those of every gateway from then on.
func TestKeysComeFromTheLogOnceItHasSome(t *testing.T) {
	const secret = "hash secret"
	brokers := kafkatest.Start(t)
	var log bytes.Buffer // read when the gateways have ended
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	options := func(keys ...string) Options {
		o := Options{Kafka: eventlog.DefaultConfig(), Redis: live.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Gateway: DefaultConfig(), Logger: logger}
		o.Kafka.Brokers = brokers
		o.Gateway.Listen, o.Gateway.Spool.Dir, o.Gateway.KeyHashSecret = "127.0.0.1:0", t.TempDir(), secret
		for _, key := range keys {
			o.Gateway.Keys = append(o.Gateway.Keys, bootstrap.KeyConfig{ID: "key_" + key, OrgID: "org", Hash: control.HashKey(secret, key)})
		}
		return o
	}
	first, stop := run(t, options("one", "two"))
	if got := check(t, first, "one"); got != http.StatusOK {
		t.Errorf("a key of weir.yaml is answered %d", got)
	}
	second, stopSecond := run(t, options("two", "three"))
	for key, want := range map[string]int{"one": 200, "two": 200, "three": 403} {
		if got := check(t, second, key); got != want {
			t.Errorf("key %s is answered %d by the second gateway, want %d", key, got, want)
		}
	}
	stop()
	stopSecond()
	if text := log.String(); !strings.Contains(text, "keys=[key_three]") || strings.Contains(text, "key_two") {
		t.Errorf("the second gateway warned %q, want of key_three alone", text)
	}

	careless := options()
	careless.Gateway.KeyHashSecret = ""
	starting, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := New(starting, careless); err == nil || !strings.Contains(err.Error(), "gateway.key_hash_secret is empty") {
		t.Errorf("without the secret of the hashes: %v", err)
	}
}

// A record of the control log that cannot be read stops the start, with where it
// stands and why; what was there before it is served by the gateways that run.
func TestAnUnreadableControlLogStopsTheStart(t *testing.T) {
	const secret = "hash secret"
	brokers := kafkatest.Start(t)
	options := func() Options {
		o := Options{Kafka: eventlog.DefaultConfig(), Redis: live.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Gateway: DefaultConfig(), Logger: slog.New(slog.DiscardHandler)}
		o.Kafka.Brokers = brokers
		o.Gateway.Listen, o.Gateway.Spool.Dir, o.Gateway.KeyHashSecret = "127.0.0.1:0", t.TempDir(), secret
		o.Gateway.Keys = []bootstrap.KeyConfig{{ID: "key_one", OrgID: "org", Hash: control.HashKey(secret, "one")}}
		return o
	}
	running, _ := run(t, options())
	log, err := eventlog.OpenLog(options().Kafka, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	starting, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	offset, err := log.Append(starting, schemas.TopicControl, 0, nil, []byte("garbage"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(starting, options())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("weir.control offset %d: ", offset)) || !strings.Contains(err.Error(), "decode control record") {
		t.Errorf("New = %v, want that offset %d cannot be decoded", err, offset)
	}
	if got := check(t, running, "one"); got != http.StatusOK {
		t.Errorf("a gateway that runs answers %d", got)
	}
}
