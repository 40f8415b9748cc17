// Command bench measures Weir on this machine, each figure beside something that anyone can run: see
// docs/benchmarks.md. `go run ./bench` from the e2e folder, after `make build`.
//
//	bench [all]        everything below, one after the other
//	bench check        short, exit code 1 when a ratio is not what it must be: for CI
//	bench proxy        the gateway's processor time for each call and calls a second, beside a bare proxy
//	bench latency      what the gateway adds to latency and to time to first token
//	bench streams      memory with many open streams
//	bench ingest       ingest, beside ClickHouse's own Kafka table engine and the insert of a ready file
//	bench aggregator   aggregator, beside ingest
//	bench freshness    from an answer to its row
//	bench catchup      a backlog: time and memory; bytes of a row
//	bench gateway      proxy, latency and streams of any gateway that speaks OpenAI's protocol
//
// Guarantee: what is compared takes turns in one run. Failure: a call that is not answered in full, or
// rows that are not all there, end the run with exit code 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"weir/e2e/bench/calls"
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

// options are the flags of all commands; each reads what concerns it.
type options struct {
	calls    calls.Plan
	rounds   int
	events   int // of a round of ingest and aggregator
	backlog  int
	profile  bool
	streams  int
	flush    []time.Duration
	upstream string
	gateway  calls.Target
}

// command is one benchmark.
type command struct {
	name string
	run  func(context.Context, options) error
}

func commands() []command {
	return []command{
		{"proxy", proxy}, {"latency", latency}, {"streams", streams}, {"ingest", ingest}, {"aggregator", aggregator},
		{"freshness", freshness}, {"catchup", catchUp},
	}
}

func run(ctx context.Context, args []string) error {
	name := "all"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	o, err := parse(name, args)
	if err != nil {
		return err
	}
	switch name {
	case "all":
		for _, c := range commands() {
			fmt.Printf("\n== %s\n", c.name)
			if err := c.run(ctx, o); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	case "bare":
		return calls.ServeBare(ctx, o.upstream)
	case "gateway":
		return gateway(ctx, o)
	case "check":
		return check(ctx, o)
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, o)
		}
	}
	return fmt.Errorf("there is no benchmark %q: they are all, check, gateway and %v", name,
		slices.Collect(func(yield func(string) bool) {
			for _, c := range commands() {
				if !yield(c.name) {
					return
				}
			}
		}))
}

func parse(name string, args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "measured rounds of everything that takes turns")
	flags.DurationVar(&o.calls.Length, "length", 2*time.Second, "length of a round of calls; five times as long for latency and freshness")
	flags.IntVar(&o.calls.Callers, "callers", 16, "calls in flight, where throughput is measured")
	flags.IntVar(&o.calls.Rate, "rate", 0, "calls a second: 200 for latency and 500 for freshness by default")
	flags.IntVar(&o.events, "events", 500_000, "events of a round of ingest and aggregator")
	flags.IntVar(&o.backlog, "backlog", 5_000_000, "events of the backlog")
	flags.BoolVar(&o.profile, "profile", false, "catchup: also show what ClickHouse counted meanwhile (system.events)")
	flags.IntVar(&o.streams, "streams", 1000, "streams open at once")
	flush := flags.String("flush", "500ms,1s", "flush intervals of ingest to measure freshness with")
	flags.StringVar(&o.upstream, "upstream", "", "gateway: base URL of the provider behind it, to measure the bare proxy beside it")
	base := flags.String("url", "", "gateway: its base URL")
	pids := flags.String("pid", "", "gateway: its process ids, with commas between them")
	key := flags.String("key", "none", "gateway: the API key it is called with")
	prefix := flags.String("prefix", "", "gateway: what precedes the provider's model name, e.g. mock/")
	model := flags.String("model", "", "gateway: the model to call, in place of the mock provider's with its options")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.calls.Rounds = o.rounds
	for text := range strings.SplitSeq(*flush, ",") {
		interval, err := time.ParseDuration(text)
		if err != nil {
			return o, fmt.Errorf("--flush: %w", err)
		}
		o.flush = append(o.flush, interval)
	}
	if name != "gateway" {
		return o, nil
	}
	if o.gateway, err = calls.ParseTarget(*base); err != nil {
		return o, err
	}
	o.gateway.Key, o.gateway.Prefix, o.gateway.Model = *key, *prefix, *model
	for text := range strings.SplitSeq(*pids, ",") {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return o, errors.New("--pid: name the gateway's process ids, with commas between them")
		}
		o.gateway.Pids = append(o.gateway.Pids, pid)
	}
	return o, nil
}
