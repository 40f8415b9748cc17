// Command bench measures what Weir's gateway costs beside a bare proxy, in front of the same mock provider
// on the same machine: `go run ./bench` from the e2e folder, after `make build`.
//
// The bare proxy is an http.Handler that reads the body, sends it on one shared transport and copies the
// answer with a flush after each read. Both are measured in turns within one run: processor time of their
// process for each call, what they do behind a call's back included, and calls a second with as many
// callers as it takes to keep the machine busy. The gateway runs with everything that a stack switches on:
// spool, Kafka, ingest, aggregator and ClickHouse take part in its rounds. What reads the log runs at
// the lower priority that the stack gives it.
//
// Guarantee: the two are sent the same calls by the same load generator, and each round of the one has
// its neighbour of the other. Failure: any call that is not answered in full ends the run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// maxCPU and minThroughput are what --check demands of the gateway as multiples of the bare proxy.
const (
	maxCPU        = 1.6
	minThroughput = 0.65
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench [proxy]", flag.ContinueOnError)
	var p plan
	flags.IntVar(&p.rounds, "rounds", 5, "measured rounds of each kind and target")
	flags.DurationVar(&p.length, "length", 2*time.Second, "length of a round")
	flags.IntVar(&p.callers, "callers", 16, "calls in flight")
	check := flags.Bool("check", false, fmt.Sprintf("exit 1 when the CPU ratio is above %.2f or the throughput ratio below %.2f", maxCPU, minThroughput))
	upstream := flags.String("upstream", "", "base URL behind the bare proxy (for the child process)")
	command := "proxy"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch command {
	case "bare":
		return serveBare(ctx, *upstream)
	case "proxy":
		ratios, err := p.run(ctx)
		if err == nil && *check {
			err = ratios.check()
		}
		return err
	}
	return fmt.Errorf("there is no benchmark %q: proxy is the only one", command)
}
