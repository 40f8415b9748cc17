package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/stack/engine"
	"weir/stack/kafka"
	"weir/stack/redis"
)

// The test binary plays the three binaries, under their names, and the stack's own children, which it
// calls with the arguments of the real command. Only the provider is none.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch name := filepath.Base(os.Args[0]); {
	case name == partGateway || name == partIngest || name == partAggregator:
		err = playBinary(ctx, name)
	case len(os.Args) > 1 && os.Args[1] == partKafka:
		err = kafka.Run(ctx, argument("--listen"), argument("--data"))
	case len(os.Args) > 1 && os.Args[1] == partRedis:
		err = redis.Run(ctx, argument("--listen"))
	case len(os.Args) > 1 && os.Args[1] == partProvider:
		err = serveOK(ctx, argument("--listen"))
	case len(os.Args) > 1 && os.Args[1] == partClickHouse:
		native, err1 := strconv.Atoi(argument("--native"))
		httpPort, err2 := strconv.Atoi(argument("--http"))
		err = errors.Join(err1, err2, engine.Server{
			Library: argument("--library"), Config: argument("--config"), Data: argument("--data"),
			Host: argument("--host"), Native: native, HTTPPort: httpPort,
		}.Serve(ctx))
	default:
		stop()
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func argument(flag string) string {
	for i, arg := range os.Args[:len(os.Args)-1] {
		if arg == flag {
			return os.Args[i+1]
		}
	}
	return ""
}

// playBinary answers where weir.yaml says, and notes beside it that it stopped.
func playBinary(ctx context.Context, name string) error {
	path := argument("--config")
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c config
	if err := yaml.Unmarshal(content, &c); err != nil {
		return err
	}
	journal := filepath.Join(filepath.Dir(path), "journal")
	if os.Args[len(os.Args)-1] == "migrate" {
		return note(journal, "migrate")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "break-"+name)); err == nil {
		return errors.New("the spool is broken")
	}
	address := map[string]string{
		partGateway: c.Gateway.Listen, partIngest: c.Ingest.MetricsListen, partAggregator: c.Aggregator.MetricsListen,
	}[name]
	if err := serveOK(ctx, address); err != nil {
		return err
	}
	return note(journal, "stop "+name)
}

func serveOK(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}()
	<-ctx.Done()
	return nil
}

func note(path, line string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, line)
	return errors.Join(err, file.Close())
}

// options start a stack of this test binary in the folder data.
func options(t *testing.T, data string) Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binaries := t.TempDir()
	for _, name := range []string{partGateway, partIngest, partAggregator} {
		if err := os.Symlink(self, filepath.Join(binaries, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := engine.Library(); err != nil {
		t.Fatalf("this test needs the engine: %v", err)
	}
	return Options{
		Data: data, Ports: PortsAuto, Ready: filepath.Join(data, "ready.json"),
		Binaries: binaries, Self: self, Out: t.Output(),
	}
}

// readReady reads the ready file.
func readReady(t *testing.T, path string) (info Info, err error) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		return info, err
	}
	err = json.Unmarshal(content, &info)
	return info, err
}

// eventually polls until the condition holds, and fails the test after the limit.
func eventually(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(limit)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
