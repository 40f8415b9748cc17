package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"weir/clickhouse"
	"weir/gateway/bootstrap"
	"weir/gateway/provider"
	"weir/internal/catalog"
	"weir/internal/eventlog"
	"weir/internal/live"
)

// What a person can get wrong is one clear sentence, before Kafka is asked.
func TestNewNamesWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, change := range map[string]func(*Options){
		"gateway.listen is empty":           func(o *Options) { o.Gateway.Listen = "" },
		"listen on gateway.listen":          func(o *Options) { o.Gateway.Listen = taken.Addr().String() },
		"gateway.drain_timeout":             func(o *Options) { o.Gateway.DrainTimeout = 0 },
		"gateway.max_body_bytes":            func(o *Options) { o.Gateway.MaxBodyBytes = 1 },
		"gateway.max_upload_bytes":          func(o *Options) { o.Gateway.MaxUploadBytes = 1 },
		"gateway.spool.dir":                 func(o *Options) { o.Gateway.Spool.Dir = "" },
		"gateway.key_hash_secret":           func(o *Options) { o.Gateway.Keys = []bootstrap.KeyConfig{{ID: "k"}} },
		"gateway.providers[0]":              func(o *Options) { o.Gateway.Providers = []provider.Config{{Name: "p"}} },
		"gateway.default_provider \"none\"": func(o *Options) { o.Gateway.DefaultProvider = "none" },
		"read catalog":                      func(o *Options) { o.Catalog.Models = []catalog.ModelConfig{{ID: "x"}} },
		"gateway.budgets_without_redis":     func(o *Options) { o.Gateway.BudgetsWithoutRedis = "" },
		"clickhouse.addr":                   func(o *Options) { o.ClickHouse.Addr = "" },
		"redis.addr":                        func(o *Options) { o.Redis.Addr = "" },
		"gateway.operator_key_hash":         func(o *Options) { o.Gateway.KeyHashSecret, o.Gateway.OperatorKeyHash = "s", "abc" },
		"key_hash_secret is empty; gateway": func(o *Options) { o.Gateway.OperatorKeyHash = "abc" },
		"gateway.starting_credits":          func(o *Options) { o.Gateway.StartingCredits = "-1" },
		"gateway.credential_keys: key 2":    func(o *Options) { o.Gateway.CredentialKeys = []string{newKey("a"), "b:c2hvcnQ="} },
		"read gateway.credential_keys_file": func(o *Options) { o.Gateway.CredentialKeysFile = "/nowhere" },
		"kafka.brokers":                     func(o *Options) { o.Kafka.Brokers = nil },
	} {
		o := Options{Kafka: eventlog.DefaultConfig(), Redis: live.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Gateway: DefaultConfig(), Logger: slog.New(slog.DiscardHandler)}
		o.Gateway.Listen, o.Gateway.Spool.Dir = "127.0.0.1:0", t.TempDir()
		change(&o)
		if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

// A stop while Kafka is waited for undoes what began, the port first of all.
func TestAStopDuringTheStart(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	o := Options{Kafka: eventlog.DefaultConfig(), Redis: live.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Gateway: DefaultConfig(), Logger: slog.New(slog.DiscardHandler)}
	o.Gateway.Listen, o.Gateway.Spool.Dir = address, t.TempDir()
	o.Kafka.Brokers = []string{"127.0.0.1:1"} // nobody there
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := New(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("New = %v, want that it was stopped", err)
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	again.Close()
}
