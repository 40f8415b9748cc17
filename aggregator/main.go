// Command aggregator turns the usage events of Weir's log into rollups in
// ClickHouse and live sums in Redis, and makes both anew from the log.
//
// Guarantee: every event counts once in every rollup; see weir/internal/eventlog
// for the delivery, weir/aggregator/rollup for what is counted,
// weir/aggregator/follow for the live sums and weir/aggregator/rebuild for
// generations. Any number of aggregators share the partitions of the log.
//
// Failure: it waits for Kafka and ClickHouse, and goes on without Redis; a stop
// writes and commits what was read. Exit code 1 with one sentence on stderr for
// everything that a person has to mend.
package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"weir/aggregator/app"
	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
)

type commandLine struct {
	service.Flags
	Run    struct{} `cmd:"" default:"1" help:"Write rollups until stopped (the default)."`
	Offset struct {
		eventlog.OffsetCommand
		Generation int `help:"Of which generation; the one that serves when not given."`
	} `cmd:"" help:"Set where a partition goes on, after records expired that were never delivered."`
	Rebuild struct{} `cmd:"" help:"Make all rollups and live sums anew from the log, beside those that serve, and switch to them. Goes on with a rebuild that was cut off."`
	Drop    struct {
		Generation int `required:"" help:"Which; never the one that serves."`
	} `cmd:"" help:"Remove a generation of rollups that does not serve."`
	service.Commands
}

func main() {
	var flags commandLine
	command := kong.Parse(&flags, kong.Name("aggregator"),
		kong.Description("Turns usage events into rollups in ClickHouse and live sums in Redis."))
	os.Exit(service.Main("aggregator", os.Stderr, func(ctx context.Context) error {
		return start(ctx, flags, command.Command())
	}))
}

func start(ctx context.Context, flags commandLine, command string) error {
	logger, err := service.NewLogger(os.Stderr, flags.Flags)
	if err != nil {
		return err
	}
	options := app.Options{
		Kafka:      eventlog.DefaultConfig(),
		ClickHouse: clickhouse.DefaultConfig(),
		Redis:      live.DefaultConfig(),
		Aggregator: app.DefaultConfig(),
		Command:    "aggregator",
		Logger:     logger,
	}
	if flags.Config != "" {
		options.Command += " --config " + flags.Config
	}
	sections := map[string]any{
		"kafka": &options.Kafka, "clickhouse": &options.ClickHouse,
		"redis": &options.Redis, "aggregator": &options.Aggregator,
	}
	if command == "env" {
		return service.WriteEnv(os.Stdout, flags, sections)
	}
	if err := service.Load(flags.Config, sections); err != nil {
		return err
	}
	service.LimitMemory(options.Aggregator.MemoryLimit)
	switch command {
	case "health":
		return service.AskReady(ctx, options.Aggregator.MetricsListen, os.Stdout)
	case "offset":
		return app.SetOffset(ctx, options, flags.Offset.OffsetCommand, flags.Offset.Generation)
	case "rebuild":
		return app.Rebuild(ctx, options, os.Stdout)
	case "drop":
		return app.Drop(ctx, options, flags.Drop.Generation)
	}
	aggregator, err := app.New(ctx, options)
	if err != nil {
		return err
	}
	logger.Info("aggregator is up", "operations", aggregator.Addr())
	return aggregator.Run(ctx)
}
