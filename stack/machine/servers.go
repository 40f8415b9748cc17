package machine

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"weir/stack/ports"
	"weir/stack/supervisor"
)

// Servers is the Kafka and the Redis of a stack without anything around them, for tests that speak to
// them themselves.
type Servers struct {
	stack *Stack
	Kafka string // host:port each
	Redis string
}

// StartServers starts both on free ports, with their data in opts.Data. An error is one sentence, and
// nothing is left running.
func StartServers(ctx context.Context, opts Options) (*Servers, error) {
	opts.Ports = PortsAuto
	s := &Stack{opts: opts, out: &lineWriter{out: opts.Out}}
	if err := s.startServers(ctx); err != nil {
		s.Stop()
		return nil, s.explain(err)
	}
	return &Servers{s, s.addresses.kafka, s.addresses.redis}, nil
}

// Stop ends both.
func (s *Servers) Stop() { s.stack.Stop() }

func (s *Stack) startServers(ctx context.Context) (err error) {
	if s.data, err = openFolder(s.opts.Data); err != nil {
		return err
	}
	if s.lock, err = s.data.claim(); err != nil {
		return err
	}
	if s.ports, err = ports.NewSet(""); err != nil {
		return err
	}
	if s.addresses, err = chooseAddresses(ctx, s.opts, s.ports); err != nil {
		return err
	}
	s.supervisor, err = supervisor.New(supervisor.Options{Report: s.out.line, Undertaker: []string{s.opts.Self, "undertaker"}})
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() error { return s.startKafka(bothCtx) })
	both.Go(func() error { return s.startRedis(bothCtx) })
	return both.Wait()
}
