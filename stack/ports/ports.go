// Package ports finds TCP ports on the loopback address that stay the stack's own for as long as it
// runs, also while a child that listened on one is dead.
//
// Two things could take a port in that moment: the kernel, for somebody's outgoing connection, and
// another stack. The first is avoided by choosing outside the kernel's ephemeral range, the second by
// holding a lock file per port (in a folder of the temporary directory, per user). Programs that are
// not Weir's are seen only when the port is chosen, by binding it.
package ports

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"weir/stack/flock"
)

// Host is the only address that anything of the stack listens on.
const Host = "127.0.0.1"

// Below 10,000 live the well-known ports of other programs; no kernel in use begins its ephemeral range
// above 49,152.
const (
	lowest  = 10_000
	highest = 32_000
)

// Set is a number of ports held by this process. Not safe for concurrent use.
type Set struct {
	dir   string
	locks []*flock.Lock
}

// NewSet returns an empty set whose lock files lie in dir; an empty dir means the folder that all stacks
// of this user share.
func NewSet(dir string) (*Set, error) {
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "weir-ports-"+strconv.Itoa(os.Getuid()))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of port locks: %w", err)
	}
	return &Set{dir: dir}, nil
}

// Free takes one free port and holds it.
func (s *Set) Free(ctx context.Context) (int, error) {
	low, high := candidates()
	for range 1000 {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		port := low + rand.IntN(high-low)
		err := s.Take(port)
		if err == nil {
			return port, nil
		}
		if !errors.Is(err, ErrTaken) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("find a free port: a thousand between %d and %d are taken", low, high)
}

// ErrTaken is what Take returns for a port in use.
var ErrTaken = errors.New("port is taken")

// Take holds the given port, or returns ErrTaken when a stack holds it or a program listens on it.
func (s *Set) Take(port int) error {
	lock, err := flock.Try(filepath.Join(s.dir, strconv.Itoa(port)))
	if errors.Is(err, flock.ErrHeld) {
		return ErrTaken
	}
	if err != nil {
		return err
	}
	if err := bindable(port); err != nil {
		_ = lock.Release()
		return err
	}
	s.locks = append(s.locks, lock)
	return nil
}

// Release gives all ports of the set back.
func (s *Set) Release() {
	for _, lock := range s.locks {
		_ = lock.Release()
	}
	s.locks = nil
}

// bindable tries the loopback address and the wildcard: a listener on 0.0.0.0 does not keep Linux from
// binding 127.0.0.1 when both set SO_REUSEADDR on other systems, and a person who runs their own Kafka
// on all interfaces should hear of it, not talk to two of them.
func bindable(port int) error {
	for _, host := range []string{Host, ""} {
		listener, err := net.Listen("tcp4", net.JoinHostPort(host, strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			return ErrTaken
		}
		if err != nil {
			return fmt.Errorf("try port %d: %w", port, err)
		}
		if err := listener.Close(); err != nil {
			return fmt.Errorf("try port %d: %w", port, err)
		}
	}
	return nil
}

// candidates is [lowest, highest) without what Linux says it gives to outgoing connections.
func candidates() (low, high int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return lowest, highest
	}
	return outside(string(text))
}

// outside cuts the kernel's range, "32768\t60999\n", out of ours and keeps the larger piece. When nothing
// worth having is left, ours is used as it is: a rare collision is better than no stack.
func outside(ephemeral string) (low, high int) {
	fields := strings.Fields(ephemeral)
	if len(fields) != 2 {
		return lowest, highest
	}
	first, err1 := strconv.Atoi(fields[0])
	last, err2 := strconv.Atoi(fields[1])
	if err1 != nil || err2 != nil || first >= highest || last < lowest {
		return lowest, highest
	}
	below, above := max(0, first-lowest), max(0, 65_536-max(last+1, lowest))
	switch {
	case below >= above && below >= 1000:
		return lowest, first
	case above >= 1000:
		return max(last+1, lowest), 65_536
	}
	return lowest, highest
}
