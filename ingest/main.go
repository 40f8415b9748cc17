// Command ingest writes the events of Weir's log into ClickHouse, one row an
// event, each exactly once, and keeps the tables' schema.
//
// Guarantee: see weir/internal/eventlog for the delivery and weir/clickhouse
// for the tables. Any number of ingests share the partitions of the log.
//
// Failure: it waits for Kafka and ClickHouse; a stop writes and commits what was
// read. Exit code 1 with one sentence on stderr for everything that a person
// has to mend. `ingest audit` ends with 1 when anything is off and with 2 when it
// could not look.
package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"weir/clickhouse"
	"weir/ingest/app"
	"weir/internal/eventlog"
	"weir/internal/service"
)

type commandLine struct {
	service.Flags
	Run         struct{}               `cmd:"" default:"1" help:"Write events into ClickHouse until stopped (the default)."`
	Migrate     struct{}               `cmd:"" help:"Bring ClickHouse to the newest schema and end."`
	Audit       auditCommand           `cmd:"" help:"Show that the log, the tables and the rollups agree. Exit code 1 when anything is off."`
	Repair      repairCommand          `cmd:"" help:"Put the tables right from the log, and audit again."`
	Retire      retireCommand          `cmd:"" help:"End a node that will not return, and close its open calls."`
	Acknowledge acknowledgeCommand     `cmd:"" help:"Say that findings which nothing mends are known, so that audits tell them apart."`
	Offset      eventlog.OffsetCommand `cmd:"" help:"Set where a partition goes on, after records expired that were never delivered."`
	service.Commands
}

func main() {
	var flags commandLine
	command := kong.Parse(&flags, kong.Name("ingest"), kong.Description("Writes the events of Weir's log into ClickHouse."))
	clean := true
	code := service.Main("ingest", os.Stderr, func(ctx context.Context) (err error) {
		clean, err = start(ctx, flags, command.Command())
		return err
	})
	switch {
	case code != 0 && (command.Command() == "audit" || command.Command() == "repair"):
		code = 2
	case code == 0 && !clean:
		code = 1
	}
	os.Exit(code)
}

// start runs the command; clean is false when it is one that found something off.
func start(ctx context.Context, flags commandLine, command string) (clean bool, err error) {
	logger, err := service.NewLogger(os.Stderr, flags.Flags)
	if err != nil {
		return false, err
	}
	options := app.Options{
		Kafka:      eventlog.DefaultConfig(),
		ClickHouse: clickhouse.DefaultConfig(),
		Ingest:     app.DefaultConfig(),
		Logger:     logger,
	}
	sections := map[string]any{"kafka": &options.Kafka, "clickhouse": &options.ClickHouse, "ingest": &options.Ingest}
	if command == "env" {
		return true, service.WriteEnv(os.Stdout, flags, sections)
	}
	if err := service.Load(flags.Config, sections); err != nil {
		return false, err
	}
	service.LimitMemory(options.Ingest.MemoryLimit)
	switch command {
	case "health":
		return true, service.AskReady(ctx, options.Ingest.MetricsListen, os.Stdout)
	case "migrate":
		return true, clickhouse.Migrate(ctx, options.ClickHouse)
	case "offset":
		return true, app.SetOffset(ctx, options, flags.Offset)
	case "audit":
		return flags.Audit.run(ctx, options)
	case "repair":
		return flags.Repair.run(ctx, options)
	case "acknowledge", "acknowledge <kind>":
		return true, flags.Acknowledge.run(ctx, options)
	case "retire <node>":
		return true, flags.Retire.run(ctx, options)
	}
	ingest, err := app.New(ctx, options)
	if err != nil {
		return false, err
	}
	logger.Info("ingest is up", "operations", ingest.Addr())
	return true, ingest.Run(ctx)
}
