package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type kafkaConfig struct {
	Brokers           []string `koanf:"brokers"`
	ReplicationFactor int16    `koanf:"replication_factor"`
}

type gatewayConfig struct {
	Listen       string        `koanf:"listen"`
	MaxBodyBytes Bytes         `koanf:"max_body_bytes"`
	Trace        bool          `koanf:"trace"`
	Share        float64       `koanf:"share"`
	Spool        spoolConfig   `koanf:"spool"`
	Providers    []provider    `koanf:"providers"`
	Window       time.Duration `koanf:"window"`
	Untagged     string
}

type spoolConfig struct {
	Dir      string `koanf:"dir"`
	MaxBytes Bytes  `koanf:"max_bytes"`
}

type provider struct {
	Name    string `koanf:"name"`
	BaseURL string `koanf:"base_url"`
}

func defaults() (kafkaConfig, gatewayConfig) {
	return kafkaConfig{Brokers: []string{"127.0.0.1:9092", "127.0.0.1:9093"}, ReplicationFactor: 1},
		gatewayConfig{
			Listen: ":8080", MaxBodyBytes: 20e6, Window: time.Second,
			Spool: spoolConfig{Dir: "spool", MaxBytes: 8 << 30},
		}
}

func loadText(t *testing.T, text string, environ ...string) (kafkaConfig, gatewayConfig, error) {
	t.Helper()
	path := ""
	if text != "" {
		path = filepath.Join(t.TempDir(), "weir.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kafka, gateway := defaults()
	err := load(path, environ, map[string]any{"kafka": &kafka, "gateway": &gateway})
	return kafka, gateway, err
}

func TestLoadSuccess(t *testing.T) {
	f := func(name, text string, environ []string, change func(*kafkaConfig, *gatewayConfig)) {
		t.Run(name, func(t *testing.T) {
			wantKafka, wantGateway := defaults()
			change(&wantKafka, &wantGateway)
			gotKafka, gotGateway, err := loadText(t, text, environ...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantKafka, gotKafka); diff != "" {
				t.Errorf("kafka, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(wantGateway, gotGateway); diff != "" {
				t.Errorf("gateway, -want +got:\n%s", diff)
			}
		})
	}

	f("nothing given leaves the defaults", "", nil, func(*kafkaConfig, *gatewayConfig) {})
	f("empty file", "# nothing\n", nil, func(*kafkaConfig, *gatewayConfig) {})
	f("null leaves the default", "kafka:\ngateway: {listen: , spool: }\n", nil, func(*kafkaConfig, *gatewayConfig) {})
	f("sections of others are not read", "aggregator: {anything: [goes]}\n", nil, func(*kafkaConfig, *gatewayConfig) {})
	f("a list replaces the default list", "kafka: {brokers: [k1:9092]}\n", nil, func(k *kafkaConfig, _ *gatewayConfig) {
		k.Brokers = []string{"k1:9092"}
	})
	f("an empty list is a list", "kafka: {brokers: []}\n", nil, func(k *kafkaConfig, _ *gatewayConfig) {
		k.Brokers = []string{}
	})
	f("one nested field leaves its neighbours", "gateway: {spool: {max_bytes: 1GiB}}\n", nil, func(_ *kafkaConfig, g *gatewayConfig) {
		g.Spool.MaxBytes = 1 << 30
	})
	f("every kind", `
kafka: {replication_factor: 3}
gateway:
  listen: 127.0.0.1:0
  max_body_bytes: 4096
  trace: true
  share: 1
  window: 250ms
  providers:
    - {name: openai, base_url: "https://api.openai.com/v1"}
    - {name: mock}
`, nil, func(k *kafkaConfig, g *gatewayConfig) {
		k.ReplicationFactor = 3
		g.Listen, g.MaxBodyBytes, g.Trace, g.Share, g.Window = "127.0.0.1:0", 4096, true, 1, 250*time.Millisecond
		g.Providers = []provider{{"openai", "https://api.openai.com/v1"}, {Name: "mock"}}
	})
	f("the environment wins", "kafka: {brokers: [file:1]}\ngateway: {window: 5s, spool: {dir: file}}\n", []string{
		"WEIR_KAFKA__BROKERS=a:1, b:2",
		"WEIR_KAFKA__REPLICATION_FACTOR=2",
		"WEIR_GATEWAY__SPOOL__MAX_BYTES=5MB",
		"WEIR_GATEWAY__TRACE=true",
		"WEIR_GATEWAY__WINDOW=1m",
		"WEIR_GATEWAY__LISTEN=",
		"WEIR_AGGREGATOR__NOT_READ_HERE=1",
		"WEIR_ENGINE_CACHE=/somewhere",
		"WEIRD=1",
	}, func(k *kafkaConfig, g *gatewayConfig) {
		k.Brokers, k.ReplicationFactor = []string{"a:1", "b:2"}, 2
		g.Listen, g.Trace, g.Window, g.Spool = "", true, time.Minute, spoolConfig{"file", 5e6}
	})
}

func TestLoadFailure(t *testing.T) {
	f := func(name, text string, environ []string, want ...string) {
		t.Run(name, func(t *testing.T) {
			_, _, err := loadText(t, text, environ...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, line := range want {
				if !strings.Contains(err.Error(), line) {
					t.Errorf("error does not say %q:\n%v", line, err)
				}
			}
		})
	}

	f("unknown section", "kafak: {}\n", nil, "kafak: unknown key; did you mean kafka?")
	f("unknown section, nothing near", "postgres: {}\n", nil, "postgres: unknown key; known here are aggregator, catalog,")
	f("unknown key", "gateway: {listn: x}\n", nil, "gateway.listn: unknown key; did you mean listen?")
	f("unknown nested key", "gateway: {spool: {max_byte: 1}}\n", nil, "gateway.spool.max_byte: unknown key; did you mean max_bytes?")
	f("unknown key in a list", "gateway: {providers: [{name: a}, {url: b}]}\n", nil,
		"gateway.providers[1].url: unknown key; known here are base_url, name")
	f("unknown key with no value", "gateway: {listn: }\n", nil, "gateway.listn: unknown key")
	f("keys are case-sensitive", "gateway: {Listen: x}\n", nil, "gateway.Listen: unknown key; did you mean listen?")
	f("a field without a tag is no key", "gateway: {Untagged: x}\n", nil, "gateway.Untagged: unknown key")
	f("twice", "gateway: {listen: a, listen: b}\n", nil, "parse configuration", "already defined")
	f("all problems at once", "gateway: {a: 1}\nkafka: {b: 1}\n", []string{"WEIR_KAFKA__BROKER=x"},
		"gateway.a:", "kafka.b:", "WEIR_KAFKA__BROKER: unknown environment variable; did you mean WEIR_KAFKA__BROKERS?")
	f("section of the wrong kind", "gateway: 5\n", nil, "gateway: expects a mapping of keys, got the number 5")
	f("text for a number", "kafka: {replication_factor: three}\n", nil,
		"kafka.replication_factor: expects a whole number, got text")
	f("a fraction for a whole number", "kafka: {replication_factor: 1.5}\n", nil,
		"kafka.replication_factor: expects a whole number, got a number with a fraction")
	f("overflow", "kafka: {replication_factor: 70000}\n", nil,
		"kafka.replication_factor: expects a whole number, got the number 70000")
	f("a number for text", "gateway: {listen: 8080}\n", nil, "gateway.listen: expects text (put it in quotes), got the number 8080")
	f("a date for text", "gateway: {listen: 2024-10-21}\n", nil, "gateway.listen: expects text (put it in quotes), got a date")
	f("a number for a duration", "gateway: {window: 5}\n", nil, "gateway.window: expects a duration such as 250ms or 1s, got the number 5")
	f("a bad duration", "gateway: {window: soon}\n", nil, "gateway.window: expects a duration")
	f("a bad size", "gateway: {max_body_bytes: 20 potatoes}\n", nil, `gateway.max_body_bytes: expects a size such as 4096, 20MB or 1GiB, got "20 potatoes"`)
	f("a list for text", "gateway: {listen: [a]}\n", nil, "gateway.listen: expects text (put it in quotes), got a list")
	f("a number for a list", "kafka: {brokers: 5}\n", nil, "kafka.brokers: expects a list, got the number 5")
	f("a number in a list", "kafka: {brokers: [5]}\n", nil, "kafka.brokers[0]: expects text (put it in quotes), got the number 5")
	f("text for true", "gateway: {trace: perhaps}\n", nil, "gateway.trace: expects true or false, got text")
	f("not YAML", "gateway: [\n", nil, "parse configuration")
	f("not a mapping", "- gateway\n", nil, "parse configuration")
	f("bad value in the environment", "", []string{"WEIR_KAFKA__REPLICATION_FACTOR=x"},
		"kafka.replication_factor (from WEIR_KAFKA__REPLICATION_FACTOR): expects a whole number, got text")
	f("empty number in the environment", "", []string{"WEIR_KAFKA__REPLICATION_FACTOR="}, "expects a whole number")
	f("a list of structs in the environment", "", []string{"WEIR_GATEWAY__PROVIDERS=x"}, "WEIR_GATEWAY__PROVIDERS: unknown environment variable")
	f("unknown section in the environment", "", []string{"WEIR_GATWAY__LISTEN=x"}, "WEIR_GATWAY__LISTEN: unknown key; did you mean gateway?")
}

func TestLoadMissingFile(t *testing.T) {
	err := Load(filepath.Join(t.TempDir(), "weir.yaml"), nil)
	if err == nil || !strings.Contains(err.Error(), "weir.yaml") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestLoadRefusesWhatItCannotFill(t *testing.T) {
	var config kafkaConfig
	for name, sections := range map[string]map[string]any{
		"section not in the table": {"other": &config},
		"not a pointer":            {"kafka": config},
	} {
		if err := Load("", sections); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEnvNames(t *testing.T) {
	kafka, gateway := defaults()
	got := EnvNames(map[string]any{"kafka": &kafka, "gateway": &gateway})
	want := []string{
		"WEIR_GATEWAY__LISTEN", "WEIR_GATEWAY__MAX_BODY_BYTES", "WEIR_GATEWAY__SHARE",
		"WEIR_GATEWAY__SPOOL__DIR", "WEIR_GATEWAY__SPOOL__MAX_BYTES", "WEIR_GATEWAY__TRACE",
		"WEIR_GATEWAY__WINDOW", "WEIR_KAFKA__BROKERS", "WEIR_KAFKA__REPLICATION_FACTOR",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "4096": 4096, "1B": 1, "20MB": 20e6, "1 GiB": 1 << 30, "3kib": 3072, "2kB": 2000, "7TB": 7e12, "1TiB": 1 << 40,
	} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, got, err, want)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%q is written as %q, which reads as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1.5GB", "9000000000GiB", "99999999999999999999", "1XB"} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q = %d, want an error", text, got)
		}
	}
}

// Any file either loads or is refused with an error, and never panics.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("kafka: {brokers: [a], replication_factor: 3}\n"))
	f.Add([]byte("gateway: {spool: {max_bytes: 1GiB}, providers: [{name: x}], window: 1s}\n"))
	f.Add([]byte("gateway: {1: 2, ? [a] : b, <<: {x: y}}\n"))
	path := filepath.Join(f.TempDir(), "weir.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		kafka, gateway := defaults()
		_ = load(path, nil, map[string]any{"kafka": &kafka, "gateway": &gateway})
	})
}
