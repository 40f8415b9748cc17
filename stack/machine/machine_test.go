package machine

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"weir/internal/control"
	"weir/stack/ports"
)

func start(t *testing.T, opts Options) *Stack {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func TestStackStartsFollowsItsChildrenAndStops(t *testing.T) {
	opts := options(t, t.TempDir())
	s := start(t, opts)
	info, err := readReady(t, opts.Ready)
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"gateway": info.Gateway, "kafka": info.Kafka, "clickhouse_native": info.ClickHouseNative,
		"clickhouse_http": info.ClickHouseHTTP, "redis": info.Redis, "provider": info.Provider,
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = conn.Close()
	}
	want := []string{"aggregator", "clickhouse", "gateway", "ingest", "kafka", "provider", "redis"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(info.PIDs))); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}

	for _, name := range want {
		if err := syscall.Kill(info.PIDs[name], syscall.SIGKILL); err != nil {
			t.Fatalf("kill %s: %v", name, err)
		}
	}
	var after Info
	eventually(t, 3*time.Second, "the ready file names new processes for all", func() bool {
		after, err = readReady(t, opts.Ready)
		if err != nil {
			t.Fatalf("the ready file was away or half written: %v", err)
		}
		for _, name := range want {
			if after.PIDs[name] == info.PIDs[name] {
				return false
			}
		}
		return true
	})
	old, after2 := info, after
	old.PIDs, after2.PIDs = nil, nil
	if diff := cmp.Diff(old, after2); diff != "" {
		t.Errorf("something but the processes changed (-before +after):\n%s", diff)
	}
	eventually(t, 10*time.Second, "ClickHouse answers again", func() bool {
		return pingHTTP(info.ClickHouseHTTP, "/ping")(t.Context()) == nil
	})

	began := time.Now()
	s.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	journal, _ := os.ReadFile(filepath.Join(opts.Data, "journal"))
	lines := strings.Fields(strings.ReplaceAll(string(journal), "stop ", ""))
	if len(lines) != 4 || lines[0] != "migrate" || lines[1] != "gateway" {
		t.Errorf("what happened in order: %q", lines)
	}
	if _, err := os.Stat(opts.Ready); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file is still there: %v", err)
	}
	for _, name := range want {
		if err := syscall.Kill(after.PIDs[name], 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

func TestSecondStartKeepsKeyAndDataAndIsFast(t *testing.T) {
	opts := options(t, t.TempDir())
	first := start(t, opts)
	before := first.Info()
	create := "CREATE TABLE default.kept (n Int64) ENGINE = MergeTree ORDER BY n AS SELECT 42 AS n"
	if got := query(t, before.ClickHouseHTTP, create); got != "" {
		t.Fatal(got)
	}
	first.Stop()

	began := time.Now()
	second := start(t, opts)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the second start took %v, want less than 3 s", took)
	}
	after := second.Info()
	if after.APIKey != before.APIKey || !keyForm.MatchString(after.APIKey) {
		t.Errorf("the key was %s and is %s", before.APIKey, after.APIKey)
	}
	if got := query(t, after.ClickHouseHTTP, "SELECT n FROM default.kept"); got != "42" {
		t.Errorf("ClickHouse kept %q, want 42", got)
	}
	for _, name := range []string{"key", "key_hash_secret", "credential_keys", "weir.yaml"} {
		info, err := os.Stat(filepath.Join(opts.Data, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	if banner := second.Banner(); strings.Count(banner, "curl ") != 4 || !strings.Contains(banner, after.APIKey) {
		t.Errorf("the banner is\n%s", banner)
	}
}

func query(t *testing.T, address, sql string) string {
	t.Helper()
	resp, err := http.Post("http://"+address+"/", "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

func TestConfigOfTheBinaries(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-test")
	opts := options(t, t.TempDir())
	opts.Providers = []Provider{{"openai", "https://api.openai.com/v1"}, {"mock", "http://127.0.0.1:1/v1"}}
	info := start(t, opts).Info()
	content, err := os.ReadFile(filepath.Join(opts.Data, "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), info.APIKey) {
		t.Error("weir.yaml holds the key itself")
	}
	var c config
	if err := yaml.Unmarshal(content, &c); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Gateway.Keys[0].Hash, control.HashKey(c.Gateway.KeyHashSecret, info.APIKey); got != want {
		t.Errorf("the key's hash is %s, want %s", got, want)
	}
	want := []providerConfig{
		{Name: "mock", BaseURL: "http://127.0.0.1:1/v1", ForwardHeaders: []string{"x-mock-*"}},
		{Name: "openai", BaseURL: "https://api.openai.com/v1", APIKeyEnv: "OPENAI_API_KEY"},
	}
	var got []providerConfig
	for _, p := range c.Gateway.Providers {
		if p.Catalog == "" { // the mock's other tongues are not given by anybody
			got = append(got, p)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	if c.Gateway.Listen != info.Gateway || c.Kafka.Brokers[0] != info.Kafka || c.ClickHouse.Addr != info.ClickHouseNative || c.Redis.Addr != info.Redis {
		t.Errorf("the addresses in weir.yaml are not those of the ready file:\n%s", content)
	}
}

func TestServersGivenByAddressAreNotStarted(t *testing.T) {
	servers := start(t, options(t, t.TempDir())).Info()
	opts := options(t, t.TempDir())
	opts.ClickHouse, opts.ClickHouseHTTP = servers.ClickHouseNative, servers.ClickHouseHTTP
	opts.Kafka, opts.Redis = servers.Kafka, servers.Redis
	info := start(t, opts).Info()
	if info.Kafka != servers.Kafka || info.Redis != servers.Redis || info.ClickHouseHTTP != servers.ClickHouseHTTP {
		t.Errorf("given %+v, used %+v", servers, info)
	}
	want := []string{"aggregator", "gateway", "ingest", "provider"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(info.PIDs))); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}

// Each trouble is one sentence with the way out, and nothing is left running.
func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		name    string
		trouble func(t *testing.T, opts *Options)
		want    []string
	}{
		{"kafka's folder is garbage", func(t *testing.T, opts *Options) {
			put(t, filepath.Join(opts.Data, "kafka", "meta.json"), "garbage")
		}, []string{"kafka does not start", "mv ", "parsing meta.json"}},
		{"clickhouse's folder is garbage", func(t *testing.T, opts *Options) {
			put(t, filepath.Join(opts.Data, "clickhouse", "metadata", "weir.sql"), "garbage")
		}, []string{"clickhouse does not start", "mv ", "SYNTAX_ERROR"}},
		{"a file where a folder should be", func(t *testing.T, opts *Options) {
			put(t, filepath.Join(opts.Data, "clickhouse"), "")
		}, []string{"cannot write to", "not a directory"}},
		{"the data folder cannot be made", func(t *testing.T, opts *Options) {
			opts.Data = filepath.Join(opts.Self, "below-a-file")
		}, []string{"cannot write to the data folder", "--data DIR"}},
		{"the ready file cannot be made", func(t *testing.T, opts *Options) {
			opts.Ready = filepath.Join(opts.Self, "below-a-file")
		}, []string{"cannot write the ready file", "--ready FILE"}},
		{"the key was overwritten", func(t *testing.T, opts *Options) {
			put(t, filepath.Join(opts.Data, "key"), "mine")
		}, []string{"key does not hold what the stack wrote", "put that back", "--data DIR"}},
		{"a binary is missing", func(t *testing.T, opts *Options) {
			opts.Binaries = t.TempDir()
		}, []string{"gateway is missing", "make build"}},
		{"the gateway does not start", func(t *testing.T, opts *Options) {
			put(t, filepath.Join(opts.Data, "break-gateway"), "")
		}, []string{"gateway does not start: it ended 3 times", "the spool is broken"}},
		{"nothing at the given address", func(_ *testing.T, opts *Options) {
			opts.Kafka = "127.0.0.1:1"
		}, []string{"127.0.0.1:1", "connection refused", "leave out --kafka"}},
		{"the log is another Kafka's", func(t *testing.T, opts *Options) {
			put(t, filepath.Join(opts.Data, "kafka-apache", "log", "meta.properties"), "")
		}, []string{"kafka-apache", "--kafka-server apache", "--data DIR"}},
		{"two Kafkas", func(_ *testing.T, opts *Options) {
			opts.Kafka, opts.KafkaServer = "127.0.0.1:1", KafkaApache
		}, []string{"--kafka 127.0.0.1:1", "--kafka-server apache", "leave out one"}},
		{"two Redis", func(_ *testing.T, opts *Options) {
			opts.Redis, opts.RedisServer = "127.0.0.1:1", RedisFake
		}, []string{"--redis 127.0.0.1:1", "--redis-server miniredis", "leave out one"}},
		{"no redis-server", func(t *testing.T, opts *Options) {
			t.Setenv("PATH", t.TempDir())
			opts.RedisServer = RedisReal
		}, []string{"redis-server is not on PATH", "leave out --redis-server"}},
		{"the given address is none", func(_ *testing.T, opts *Options) {
			opts.Redis = "localhost"
		}, []string{`"localhost" is no address for Redis`, "HOST:PORT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := options(t, t.TempDir())
			c.trouble(t, &opts)
			s, err := Start(t.Context(), opts)
			if err == nil {
				s.Stop()
				t.Fatal("Start = nil")
			}
			sentence, _, _ := strings.Cut(err.Error(), "\n  | ")
			if strings.Contains(sentence, "\n") {
				t.Errorf("not one sentence:\n%s", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is\n%s\nwithout %q", err, want)
				}
			}
			if lock, err := folder(opts.Data).claim(); err == nil {
				_ = lock.Release()
			} else if !strings.Contains(err.Error(), "cannot write") {
				t.Errorf("the data folder is still held: %v", err)
			}
		})
	}
}

func TestTwoStacksOnOneFolder(t *testing.T) {
	opts := options(t, t.TempDir())
	start(t, opts)
	if _, err := Start(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "another stack (process ") {
		t.Errorf("the second Start = %v", err)
	}
	if _, err := readReady(t, opts.Ready); err != nil {
		t.Errorf("the second start touched the first's ready file: %v", err)
	}
}

func TestStartCanBeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, options(t, t.TempDir())); !errors.Is(err, context.Canceled) {
		t.Errorf("Start = %v, want %v", err, context.Canceled)
	}
}

func TestTakenFixedPort(t *testing.T) {
	dir := t.TempDir()
	other, err := ports.NewSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	_ = other.Take(8080) // or some program of this machine has it already
	mine, err := ports.NewSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Release()
	_, err = chooseAddresses(t.Context(), Options{Ports: PortsFixed}, mine)
	if err == nil || err.Error() != "port 8080 (gateway) is taken by another program: stop that program, or start with --ports auto" {
		t.Errorf("chooseAddresses = %v", err)
	}
}

func TestNewEnough(t *testing.T) {
	for version, want := range map[string]bool{
		"ClickHouse local version 25.3.2.39 (official build).": true,
		"ClickHouse client version 25.10.1.1 (official build)": true,
		"ClickHouse server version 26.7.3.1":                   true,
		"ClickHouse local version 25.2.9.9 (official build).":  false,
		"ClickHouse client version 18.16.1.":                   false,
		"":                                                     false,
	} {
		if got := newEnough(version); got != want {
			t.Errorf("newEnough(%q) = %v, want %v", version, got, want)
		}
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
