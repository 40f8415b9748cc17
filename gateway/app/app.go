// Package app wires the gateway's rooms into a service.
//
// Guarantee: New has checked everything that a person can get wrong, taken the
// port and recovered the spool; what it began it undoes when it fails. A stop
// takes no new calls, lets open ones finish within shutdown_timeout, ends the
// rest (they are recorded), and closes the journal last.
//
// Concurrency: New, then one Run. Failure: the first part that fails stops the
// service, and Run returns its error.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"weir/clickhouse"
	"weir/gateway/admission"
	"weir/gateway/auth"
	"weir/gateway/bootstrap"
	"weir/gateway/credential"
	"weir/gateway/httpapi"
	"weir/gateway/metering"
	"weir/gateway/metrics"
	"weir/gateway/pipeline"
	"weir/gateway/provider"
	"weir/internal/catalog"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/internal/service"
	"weir/internal/telemetry"
	"weir/schemas"
)

// Options are the sections of weir.yaml that the gateway reads.
type Options struct {
	Kafka eventlog.Config
	Redis live.Config
	// ClickHouse answers what was used, and that alone: no call waits for it.
	ClickHouse clickhouse.Config
	Catalog    catalog.Config
	Gateway    Config
	Logger     *slog.Logger
}

// Gateway is a gateway that listens.
type Gateway struct {
	config   Config
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
	pipeline *pipeline.Pipeline
	// Both run beside the server, and after it until what it settled is in Redis.
	budgets   *live.Admission
	admission *admission.Admission
	cleanups  service.Cleanups
}

// New builds the gateway. It waits for Kafka until ctx ends.
func New(ctx context.Context, o Options) (_ *Gateway, err error) {
	g := &Gateway{config: o.Gateway, log: o.Logger}
	defer g.cleanups.Rollback(ctx, &err)
	if g.config.Label != "" {
		g.log = g.log.With("label", g.config.Label)
	}
	if err := errors.Join(o.Kafka.Validate(), o.Redis.Validate(), g.config.Validate()); err != nil {
		return nil, err
	}
	if err := bootstrap.Check(g.config.KeyHashSecret, g.config.Keys); err != nil {
		return nil, err
	}
	providers, err := provider.NewSet(g.config.Providers, g.config.DefaultProvider, os.Getenv)
	if err != nil {
		return nil, err
	}
	for _, c := range g.config.Providers {
		if providers.Get(c.Name).MissingKey(c) {
			g.log.Warn("a provider's key is not in the environment; its calls will be refused by it", "provider", c.Name, "variable", c.APIKeyEnv)
		}
	}
	ring, err := credential.NewKeyring(g.config.CredentialKeys, g.config.CredentialKeysFile)
	if err != nil {
		return nil, err
	}
	prices, err := catalog.New(o.Catalog)
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	models, err := httpapi.NewModels(prices, providers)
	if err != nil {
		return nil, err
	}
	ledger, err := clickhouse.Open(o.ClickHouse) // connects when it is asked
	if err != nil {
		return nil, err
	}
	g.cleanups.AddCloser("clickhouse", ledger)
	// The port first: a taken one should not cost the recovery of a spool.
	if g.listener, err = net.Listen("tcp", g.config.Listen); err != nil {
		return nil, fmt.Errorf("listen on gateway.listen: %w", err)
	}
	g.cleanups.Add("listener", func(context.Context) error { return ignoreClosed(g.listener.Close()) })

	state, partitions, err := control.Prepare(ctx, o.Kafka, g.log)
	if err != nil {
		return nil, err
	}
	g.cleanups.Add("control state", func(context.Context) error { state.Close(); return nil })
	if err := bootstrap.Run(ctx, state.State, state, g.config.KeyHashSecret, g.config.Keys, g.log); err != nil {
		return nil, err
	}
	if g.config.KeyHashSecret == "" && len(state.Organizations()) > 0 {
		return nil, errors.New("gateway.key_hash_secret is empty; set the one that the keys in the control log were hashed with, the same on every gateway")
	}
	keys := auth.New(g.config.KeyHashSecret, state)
	registry := telemetry.NewRegistry("gateway")
	journal, err := eventlog.OpenJournal(ctx, eventlog.JournalOptions{
		Kafka: o.Kafka, Spool: g.config.Spool, Partitions: partitions,
		Retire: state.Retire, Retired: state.Retired, Registerer: registry, Logger: g.log,
	})
	if err != nil {
		return nil, err
	}
	g.cleanups.Add("journal", journal.Close)

	redis := live.Open(o.Redis, 1)
	g.cleanups.AddCloser("redis", redis)
	g.budgets = live.NewAdmission(live.AdmissionOptions{
		Redis: redis, Node: journal.Node(), Partitions: int(partitions), Logger: g.log,
		Partition: func(requestID string) int32 { return eventlog.Partition(requestID, partitions) },
	})
	instruments := metrics.New(registry, models.IDs())
	g.admission = admission.New(admission.Options{
		Control: state.State, Catalog: prices, Rates: redis, Budgets: g.budgets,
		Serve: g.config.BudgetsWithoutRedis == serveWithoutRedis, Metrics: instruments, Log: g.log,
	})

	client := provider.NewClient(telemetry.Version(), g.config.egress())
	g.cleanups.Add("provider connections", func(context.Context) error { client.Close(); return nil })
	g.pipeline = pipeline.New(pipeline.Options{
		Keys: keys, Control: state.State, Admission: g.admission,
		Accounts: credential.NewVault(ring, g.config.egress(), state.State), Providers: providers, Client: client,
		Meter: metering.New(prices, g.log), Estimator: metering.NewEstimator(),
		Journal: spooled{journal}, Metrics: instruments, Limits: g.config.limits(), Log: g.log,
	})
	management, err := g.management(state, keys, redis, ledger, partitions, providers, ring)
	if err != nil {
		return nil, err
	}
	health := &service.Health{}
	health.Add("journal", journal.Check)
	health.Add("control", state.Check)
	health.Add("budgets", g.budgets.Check)
	handler, err := httpapi.New(httpapi.Options{
		Inference: g.pipeline, Keys: keys, Control: state.State, Models: models,
		Live: health.Live, Ready: health.Ready, Metrics: telemetry.Handler(registry, g.log),
		Management: management,
	})
	if err != nil {
		return nil, err
	}
	g.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    2 << 20,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	return g, nil
}

// Addr is the address that is listened on.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Run serves until ctx ends, then stops in order.
func (g *Gateway) Run(ctx context.Context) error {
	// What is beside the server ends after its last call, not with ctx.
	beside, finished := context.WithCancel(context.WithoutCancel(ctx))
	return service.RunTasks(ctx, &g.cleanups,
		service.Task{Name: "gateway", Run: func(ctx context.Context) error {
			defer finished()
			return g.serve(ctx)
		}},
		service.Task{Name: "budgets", Run: func(context.Context) error { return g.budgets.Run(beside) }},
		service.Task{Name: "rate limits", Run: func(context.Context) error { return g.admission.Run(beside) }},
	)
}

func (g *Gateway) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- g.server.Serve(g.listener) }() // ends when finishCalls shuts the server down
	select {
	case err := <-served:
		return errors.Join(err, g.finishCalls(context.WithoutCancel(ctx)))
	case <-ctx.Done():
		// A call may take as long to finish as shutdown_timeout says; the limit
		// of the cleanups is for what comes after.
		return g.finishCalls(context.WithoutCancel(ctx))
	}
}

// endCalls is what calls get to be recorded once they were ended.
const endCalls = 2 * time.Second

// finishCalls takes no new calls and waits for the open ones, draining ones
// included; those that outlast shutdown_timeout are ended.
func (g *Gateway) finishCalls(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, g.config.ShutdownTimeout)
	defer cancel()
	err := g.server.Shutdown(patience)
	if err == nil {
		return nil
	}
	g.pipeline.Stop()
	last, cancel := context.WithTimeout(ctx, endCalls)
	defer cancel()
	if err = g.server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("finish open calls: %w", err), ignoreClosed(g.server.Close()))
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// spooled is the journal as the pipeline sees it.
type spooled struct{ *eventlog.Journal }

func (s spooled) Begin(r *schemas.RequestReceived, payload bool) (pipeline.OpenCall, error) {
	c, err := s.Journal.Begin(r, payload)
	if err != nil {
		return nil, err
	}
	return c, nil
}
