package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Ops is the operations listener of a service that has no HTTP surface of its
// own: /healthz, /readyz and /metrics.
type Ops struct {
	listener net.Listener
	server   *http.Server
}

// NewOps listens on addr ("host:port", port 0 for a free one), so that a taken
// port is an error of the start. Requests are answered once Run is called.
func NewOps(addr string, health *Health, metrics http.Handler) (*Ops, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for health and metrics on %s: %w", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health.Live)
	mux.HandleFunc("GET /readyz", health.Ready)
	mux.Handle("GET /metrics", metrics)
	return &Ops{listener: listener, server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}, nil
}

// Addr is the address that is listened on.
func (o *Ops) Addr() string { return o.listener.Addr().String() }

// Run answers until ctx ends. Probes in flight are cut off: they are asked
// again.
func (o *Ops) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = o.server.Close() })
	defer stop()
	if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health and metrics: %w", err)
	}
	return nil
}

// Close stops listening. It is safe before, during and after Run.
func (o *Ops) Close() error {
	err := errors.Join(o.server.Close(), o.listener.Close())
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
