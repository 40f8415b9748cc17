package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"weir/stack/apachekafka"
	"weir/stack/engine"
	"weir/stack/kafka"
	"weir/stack/machine"
	"weir/stack/provider"
	"weir/stack/redis"
	"weir/stack/supervisor"
)

type runCommand struct {
	Data     string   `default:".weir" placeholder:"DIR" help:"Folder for everything that is kept (${default})."`
	Ports    string   `default:"fixed" enum:"fixed,auto" help:"fixed: 8080 and the servers' usual ones; auto: free ones (${default})."`
	Ready    string   `placeholder:"FILE" help:"File that gets addresses, key and process ids as JSON when everything answers."`
	Provider []string `placeholder:"NAME[=URL]" help:"Send calls for NAME/... to the vendor of that name, or to URL (which includes /v1); repeatable. Its key is taken from NAME_API_KEY."`

	ClickHouse     string `name:"clickhouse" placeholder:"HOST:PORT" help:"Use this ClickHouse (native protocol) instead of starting one."`
	ClickHouseHTTP string `name:"clickhouse-http" placeholder:"HOST:PORT" help:"Its HTTP protocol, where not port 8123 of the same host."`
	Kafka          string `placeholder:"HOST:PORT" help:"Use this Kafka instead of starting one."`
	Redis          string `placeholder:"HOST:PORT" help:"Use this Redis instead of starting one."`

	KafkaServer string `default:"kfake" enum:"kfake,apache" placeholder:"NAME" help:"The Kafka to start: kfake, or apache, the real one, which needs Java and Maven (${default})."`
	RedisServer string `default:"auto" enum:"auto,redis,miniredis" placeholder:"NAME" help:"The Redis to start: redis, which is redis-server on PATH, or miniredis; auto: redis where it is installed (${default})."`
}

func (c runCommand) Run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find my own executable: %w", err)
	}
	providers, err := parseProviders(c.Provider)
	if err != nil {
		return err
	}
	stack, err := machine.Start(ctx, machine.Options{
		Data: c.Data, Ports: c.Ports, Ready: c.Ready, Providers: providers,
		ClickHouse: c.ClickHouse, ClickHouseHTTP: c.ClickHouseHTTP, Kafka: c.Kafka, Redis: c.Redis,
		KafkaServer: c.KafkaServer, RedisServer: c.RedisServer,
		Binaries: filepath.Dir(self), Self: self, Out: os.Stderr,
	})
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped before everything was up; nothing is left running")
	}
	if err != nil {
		return err
	}
	fmt.Print(stack.Banner())
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "stack: stopping")
	stack.Stop()
	return nil
}

// parseProviders reads NAME, of a vendor that the gateway knows, or NAME=URL.
func parseProviders(texts []string) ([]machine.Provider, error) {
	var providers []machine.Provider
	for _, text := range texts {
		name, address, given := strings.Cut(text, "=")
		parsed, err := url.Parse(address)
		if name == "" || strings.ContainsAny(name, "/ ") || err != nil || given && parsed.Host == "" {
			return nil, fmt.Errorf("--provider %q: write the name of a vendor, for example anthropic, or NAME=URL, for example vllm=http://127.0.0.1:8000/v1", text)
		}
		providers = append(providers, machine.Provider{Name: name, URL: strings.TrimSuffix(address, "/")})
	}
	return providers, nil
}

type fetchCommand struct {
	KafkaServer string `default:"kfake" enum:"kfake,apache" placeholder:"NAME" help:"apache: fetch Apache Kafka too (${default})."`
}

func (c fetchCommand) Run(ctx context.Context) error {
	library, err := engine.Fetch(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("ClickHouse engine: " + library)
	if c.KafkaServer != machine.KafkaApache {
		return nil
	}
	jars, err := apachekafka.Fetch(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Println("Apache Kafka: " + jars)
	return nil
}

// serversCommand runs another command beside a real Kafka and a real Redis, as the contract tests want them.
type serversCommand struct {
	Command []string `arg:"" passthrough:"" help:"The command, which finds the addresses in WEIR_TEST_KAFKA and WEIR_TEST_REDIS."`
}

func (c serversCommand) Run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find my own executable: %w", err)
	}
	data, err := os.MkdirTemp("", "weir-servers-")
	if err != nil {
		return fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(data)
	servers, err := machine.StartServers(ctx, machine.Options{
		Data: data, KafkaServer: machine.KafkaApache, RedisServer: machine.RedisReal, Self: self, Out: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer servers.Stop()
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "WEIR_TEST_KAFKA="+servers.Kafka, "WEIR_TEST_REDIS="+servers.Redis)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", c.Command[0], err)
	}
	return nil
}

type clickHouseCommand struct {
	Library string `required:""`
	Config  string `required:""`
	Data    string `required:""`
	Host    string `required:""`
	Native  int    `required:""`
	HTTP    int    `required:"" name:"http"`
}

func (c clickHouseCommand) Run(ctx context.Context) error {
	return engine.Server{
		Library: c.Library, Config: c.Config, Data: c.Data, Host: c.Host, Native: c.Native, HTTPPort: c.HTTP,
	}.Serve(ctx)
}

type kafkaCommand struct {
	Listen string `required:""`
	Data   string `required:""`
}

func (c kafkaCommand) Run(ctx context.Context) error { return kafka.Run(ctx, c.Listen, c.Data) }

type redisCommand struct {
	Listen string `required:""`
}

func (c redisCommand) Run(ctx context.Context) error { return redis.Run(ctx, c.Listen) }

type providerCommand struct {
	Listen string `required:""`
}

func (c providerCommand) Run(ctx context.Context) error { return provider.Run(ctx, c.Listen) }

type undertakerCommand struct{}

func (undertakerCommand) Run() error {
	supervisor.Undertake(os.Stdin)
	return nil
}
