package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrNotServed says that Redis does not know which generation serves: it was
// lost, and the sums with it.
var ErrNotServed = errors.New("redis does not say which generation of the live sums serves")

// Serve says that this store's generation is the one that is kept up. The
// aggregators that serve it say so every few seconds.
func (s *Store) Serve(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client.Set(ctx, servingKey, s.generation, 0).Err(); err != nil {
		return fmt.Errorf("set the serving generation of live sums: %w", err)
	}
	return nil
}

// Serving returns the store of the generation that is kept up, on the same
// connections; it needs no Close of its own. A reader asks again every second or
// so, since a rebuild changes it, and then asks Restored. ErrNotServed when Redis
// was lost.
func (s *Store) Serving(ctx context.Context) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	generation, err := s.client.Get(ctx, servingKey).Int()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, ErrNotServed
	case err != nil:
		return nil, fmt.Errorf("read the serving generation of live sums: %w", err)
	case generation == s.generation:
		return s, nil
	}
	other := *s
	other.generation, other.names = generation, namesOf(generation)
	return &other, nil
}

// Generation is the rebuild generation whose sums the store reads and writes.
func (s *Store) Generation() int { return s.generation }

// Forget removes what a generation that is not written any more would keep for
// ever: its positions, and the sums of lifetimes, of which there may be millions.
func (s *Store) Forget(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client.Del(limited, s.names.positions(), s.names.restores()).Err(); err != nil {
		return fmt.Errorf("take away live positions of generation %d: %w", s.generation, err)
	}
	each := func(ctx context.Context, c redis.Cmdable) error {
		keys := c.Scan(ctx, 0, s.names.prefix+"*", 1000).Iterator()
		for keys.Next(ctx) {
			if err := c.Unlink(ctx, keys.Val()).Err(); err != nil {
				return err
			}
		}
		return keys.Err()
	}
	var err error
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return each(ctx, c) })
	} else {
		err = each(ctx, s.client)
	}
	if err != nil {
		return fmt.Errorf("remove live sums of generation %d: %w", s.generation, err)
	}
	return nil
}

// ignoreNotServed makes nothing of a Redis that knows of no generation.
func ignoreNotServed(err error) error {
	if errors.Is(err, ErrNotServed) {
		return nil
	}
	return err
}
