package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// servingKey holds the number of the generation whose sums are kept up.
const servingKey = "weir:generation"

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

// Forget takes away the positions of a generation that is not written any more,
// the one key that does not expire by itself.
func (s *Store) Forget(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client.Del(ctx, s.names.positions()).Err(); err != nil {
		return fmt.Errorf("take away live positions of generation %d: %w", s.generation, err)
	}
	return nil
}
