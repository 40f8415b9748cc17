package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/stack/ports"
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

func (s *Stack) startKafka(ctx context.Context) error {
	if s.opts.Kafka != "" {
		return given(ctx, "--kafka", s.opts.Kafka, askKafka(s.opts.Kafka))
	}
	return s.startPart(ctx, supervisor.Spec{
		Name: partKafka, Path: s.opts.Self, Log: s.logPath(partKafka),
		Args:  []string{"kafka", "--listen", s.addresses.kafka, "--data", s.data.path(partKafka)},
		Ready: askKafka(s.addresses.kafka),
	})
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

// startRedis keeps nothing on disk either way: Redis is a projection, and a lost one is restored.
func (s *Stack) startRedis(ctx context.Context) error {
	if s.opts.Redis != "" {
		return given(ctx, "--redis", s.opts.Redis, pingRedis(s.opts.Redis))
	}
	spec := supervisor.Spec{Name: partRedis, Log: s.logPath(partRedis), Ready: pingRedis(s.addresses.redis)}
	if path, err := exec.LookPath("redis-server"); err == nil {
		dir := s.data.path(partRedis)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("cannot write to %s: %w", dir, cause(err))
		}
		spec.Path = path
		spec.Args = []string{
			"--bind", ports.Host, "--port", strconv.Itoa(port(s.addresses.redis)),
			"--save", "", "--appendonly", "no", "--dir", dir,
		}
	} else {
		spec.Path = s.opts.Self
		spec.Args = []string{"redis", "--listen", s.addresses.redis}
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
