package stacktest

import (
	"fmt"
	"syscall"
	"testing"
)

// Service is a binary of Weir that was started by itself.
type Service struct{ *process }

// Run starts a binary, given by its path, beside a stack. It is stopped at the end of the test, unless it has
// ended before. env is added to the environment of the test.
func Run(t testing.TB, binary string, args, env []string) *Service {
	t.Helper()
	p, err := start(binary, "", args, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-p.exited:
			return
		default:
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &Service{p}
}

// Printed is what the process wrote on stdout so far.
func (s *Service) Printed() string { return s.printed.String() }

// Signal sends a signal to the process.
func (s *Service) Signal(signal syscall.Signal) error {
	if err := s.os.Signal(signal); err != nil {
		return fmt.Errorf("send %v to %s: %w", signal, s.name, err)
	}
	return nil
}
