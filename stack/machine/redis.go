package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"weir/stack/ports"
	"weir/stack/supervisor"
)

// The Redis that a stack starts.
const (
	RedisAuto = "auto"      // the real one where it is installed, else the fake
	RedisReal = "redis"     // redis-server on PATH
	RedisFake = "miniredis" // in one process
)

// startRedis keeps nothing on disk either way: Redis is a projection, and a lost one is restored.
func (s *Stack) startRedis(ctx context.Context) error {
	if s.opts.Redis != "" {
		if s.opts.RedisServer == RedisReal || s.opts.RedisServer == RedisFake {
			return fmt.Errorf("--redis %s names a Redis to use and --redis-server %s one to start: leave out one of them", s.opts.Redis, s.opts.RedisServer)
		}
		return given(ctx, "--redis", s.opts.Redis, pingRedis(s.opts.Redis))
	}
	spec := supervisor.Spec{Name: partRedis, Log: s.logPath(partRedis), Ready: pingRedis(s.addresses.redis)}
	path, err := exec.LookPath("redis-server")
	if s.opts.RedisServer == RedisFake || s.opts.RedisServer != RedisReal && err != nil {
		spec.Path, spec.Args = s.opts.Self, []string{"redis", "--listen", s.addresses.redis}
		return s.startPart(ctx, spec)
	}
	if err != nil {
		return errors.New("redis-server is not on PATH: install it (Debian's package `redis-server`), or leave out --redis-server redis")
	}
	dir := s.data.path(partRedis)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot write to %s: %w", dir, cause(err))
	}
	spec.Path = path
	spec.Args = []string{
		"--bind", ports.Host, "--port", strconv.Itoa(port(s.addresses.redis)),
		"--save", "", "--appendonly", "no", "--dir", dir,
	}
	return s.startPart(ctx, spec)
}
