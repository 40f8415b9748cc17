// Command gateway is the proxy: clients call it as they call OpenAI, it calls
// the provider, and everything that happened is in the event log.
//
// Guarantee: see weir/gateway/pipeline for what is recorded and
// weir/internal/eventlog for how it is kept. Any number of gateways may run,
// each with a spool folder of its own.
//
// Failure: it waits for Kafka at its start, and serves without it afterwards.
// Exit code 1 with one sentence on stderr for everything that a person has to
// mend.
package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"weir/clickhouse"
	"weir/gateway/app"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
)

type commandLine struct {
	service.Flags
	Run       struct{} `cmd:"" default:"1" help:"Serve calls until stopped (the default)."`
	Rekey     struct{} `cmd:"" help:"Encrypt the organisations' provider keys under the first of gateway.credential_keys, and end. Gateways may run meanwhile."`
	Protocols struct{} `cmd:"" help:"Print what becomes of each feature of a request at a provider of another protocol than the client's."`
	service.Commands
}

func main() {
	var flags commandLine
	command := kong.Parse(&flags, kong.Name("gateway"), kong.Description("Forwards inference calls to providers and records them."))
	os.Exit(service.Main("gateway", os.Stderr, func(ctx context.Context) error {
		return start(ctx, flags, command.Command())
	}))
}

func start(ctx context.Context, flags commandLine, command string) error {
	if command == "protocols" {
		return app.WriteProtocols(os.Stdout)
	}
	logger, err := service.NewLogger(os.Stderr, flags.Flags)
	if err != nil {
		return err
	}
	options := app.Options{Kafka: eventlog.DefaultConfig(), Redis: live.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Gateway: app.DefaultConfig(), Logger: logger}
	sections := map[string]any{"kafka": &options.Kafka, "redis": &options.Redis, "clickhouse": &options.ClickHouse, "catalog": &options.Catalog, "gateway": &options.Gateway}
	if command == "env" {
		return service.WriteEnv(os.Stdout, flags, sections)
	}
	if err := service.Load(flags.Config, sections); err != nil {
		return err
	}
	if command == "health" {
		return service.AskReady(ctx, options.Gateway.Listen, os.Stdout)
	}
	if command == "rekey" {
		return app.Rekey(ctx, options, os.Stdout)
	}
	gateway, err := app.New(ctx, options)
	if err != nil {
		return err
	}
	logger.Info("gateway is up", "listen", gateway.Addr())
	return gateway.Run(ctx)
}
