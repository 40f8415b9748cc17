// Command stack runs Weir on one machine: a log, a ClickHouse, a Redis and a mock provider around the
// gateway, the ingest and the aggregator. It is also each of those servers, as a child of itself.
//
// It stays up until SIGINT or SIGTERM and then stops all in order. What goes wrong at the start is one
// sentence on standard error, with exit code 1 and nothing left running.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Run   runCommand   `cmd:"" default:"withargs" help:"Start everything and stay up until Ctrl-C (the default)."`
	Fetch fetchCommand `cmd:"" help:"Fetch the ClickHouse engine into the cache, unless it is there."`

	Servers    serversCommand    `cmd:"" hidden:"" help:"Run a command beside Apache Kafka and redis-server."`
	ClickHouse clickHouseCommand `cmd:"" name:"clickhouse" hidden:"" help:"Be the ClickHouse engine."`
	Kafka      kafkaCommand      `cmd:"" hidden:"" help:"Be the embedded Kafka."`
	Redis      redisCommand      `cmd:"" hidden:"" help:"Be the embedded Redis."`
	Provider   providerCommand   `cmd:"" hidden:"" help:"Be the mock provider."`
	Undertaker undertakerCommand `cmd:"" hidden:"" help:"Kill the children of a stack that was killed."`
}

func main() {
	var cli commands
	parser := kong.Must(&cli, kong.Name("stack"), kong.Description("Weir on one machine, without Docker."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends this process at once, and the children with it
	parsed, err := parser.Parse(os.Args[1:])
	if err == nil {
		parsed.BindTo(ctx, (*context.Context)(nil))
		err = parsed.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stack: "+err.Error())
		os.Exit(1)
	}
}
