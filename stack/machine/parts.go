package machine

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/stack/supervisor"
)

// The parts, as the ready file and the log files call them.
const (
	partGateway    = "gateway"
	partIngest     = "ingest"
	partAggregator = "aggregator"
	partKafka      = "kafka"
	partClickHouse = "clickhouse"
	partRedis      = "redis"
	partProvider   = "provider"
	partMigrate    = "migrate"

	partKafkaFormat = "kafka-format"
)

// startParts starts everything as early as what it needs is there: the gateway after Kafka, Redis and
// the provider, and meanwhile ClickHouse and its tables; then what reads the log and writes them.
func (s *Stack) startParts(ctx context.Context) error {
	all, allCtx := errgroup.WithContext(ctx)
	all.Go(func() error {
		if err := s.startClickHouse(allCtx); err != nil {
			return err
		}
		return s.supervisor.Run(allCtx, s.binary(partMigrate, partIngest, "", "migrate"))
	})
	all.Go(func() error {
		servers, serversCtx := errgroup.WithContext(allCtx)
		servers.Go(func() error { return s.startKafka(serversCtx) })
		servers.Go(func() error { return s.startRedis(serversCtx) })
		servers.Go(func() error { return s.startPart(serversCtx, s.providerSpec()) })
		if err := servers.Wait(); err != nil {
			return err
		}
		return s.startPart(allCtx, s.binary(partGateway, partGateway, s.addresses.gateway))
	})
	if err := all.Wait(); err != nil {
		return err
	}
	readers, readersCtx := errgroup.WithContext(ctx)
	readers.Go(func() error {
		return s.startPart(readersCtx, s.binary(partIngest, partIngest, s.addresses.ingest))
	})
	readers.Go(func() error {
		return s.startPart(readersCtx, s.binary(partAggregator, partAggregator, s.addresses.aggregator))
	})
	return readers.Wait()
}

// slowStart is after how long a person wants to know what they are waiting for.
const slowStart = 5 * time.Second

func (s *Stack) startPart(ctx context.Context, spec supervisor.Spec) error {
	slow := time.AfterFunc(slowStart, func() { s.out.line("still waiting for " + spec.Name + ", see " + spec.Log) })
	defer slow.Stop()
	return s.supervisor.Start(ctx, spec)
}

func (s *Stack) startClickHouse(ctx context.Context) error {
	if s.opts.ClickHouse != "" {
		if err := given(ctx, "--clickhouse", s.addresses.clickHouse, dial(s.addresses.clickHouse)); err != nil {
			return err
		}
		return given(ctx, "--clickhouse-http", s.addresses.clickHouseHTTP, pingHTTP(s.addresses.clickHouseHTTP, "/ping"))
	}
	spec, err := s.clickHouseSpec(ctx)
	if err != nil {
		return err
	}
	return s.startPart(ctx, spec)
}

func (s *Stack) providerSpec() supervisor.Spec {
	return supervisor.Spec{
		Name: partProvider, Path: s.opts.Self, Log: s.logPath(partProvider),
		Args:  []string{"provider", "--listen", s.addresses.provider},
		Ready: dial(s.addresses.provider),
	}
}

// binary is one of the three binaries, ready when its /readyz at address says so.
func (s *Stack) binary(name, executable, address string, args ...string) supervisor.Spec {
	spec := supervisor.Spec{
		Name: name, Path: filepath.Join(s.opts.Binaries, executable), Log: s.logPath(name),
		Args: append([]string{"--config", s.data.config()}, args...),
	}
	if name == partGateway {
		spec.Env = []string{mockKey + "=mock"}
	}
	if address != "" {
		spec.Ready = pingHTTP(address, "/readyz")
	}
	// What reads the log gives way to those who answer calls: it catches up.
	spec.Yields = name == partIngest || name == partAggregator
	return spec
}

func (s *Stack) logPath(name string) string { return s.data.path("logs", name+".log") }

// given checks a server that somebody else runs, so that a wrong address is said here and at once.
func given(ctx context.Context, flag, address string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := ask(ctx); err != nil {
		return fmt.Errorf("nothing usable answers at %s (%w): start it, or leave out %s and the stack starts its own", address, err, flag)
	}
	return nil
}
