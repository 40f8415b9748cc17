package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Scope is a registerer whose collectors go together, so that a part of a
// service that is replaced while it runs can register its names again.
type Scope struct {
	registry prometheus.Registerer

	mu         sync.Mutex // owns collectors
	collectors []prometheus.Collector
}

var _ prometheus.Registerer = (*Scope)(nil)

// NewScope returns an empty scope of a registry.
func NewScope(registry prometheus.Registerer) *Scope { return &Scope{registry: registry} }

// Register registers a collector with the registry.
func (s *Scope) Register(c prometheus.Collector) error {
	if err := s.registry.Register(c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collectors = append(s.collectors, c)
	return nil
}

// MustRegister is Register for collectors whose names nobody else has.
func (s *Scope) MustRegister(collectors ...prometheus.Collector) {
	for _, c := range collectors {
		if err := s.Register(c); err != nil {
			panic(err)
		}
	}
}

// Unregister takes one collector out of the registry.
func (s *Scope) Unregister(c prometheus.Collector) bool { return s.registry.Unregister(c) }

// Close takes every collector of the scope out of the registry.
func (s *Scope) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.collectors {
		s.registry.Unregister(c)
	}
	s.collectors = nil
}
