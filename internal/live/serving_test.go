package live

import (
	"errors"
	"testing"
)

// A reader finds the generation that serves, moves with it, and knows when Redis
// was lost.
func TestServing(t *testing.T) {
	first := openTest(t)
	if _, err := first.Serving(t.Context()); !errors.Is(err, ErrNotServed) {
		t.Errorf("an empty Redis: %v", err)
	}
	restore(t, first, 0, 1, keySpend(1))
	second := *first
	second.generation, second.names = 2, namesOf(2)
	restore(t, &second, 0, 1, keySpend(2))
	for _, s := range []*Store{first, &second, first} {
		if err := s.Serve(limited(t)); err != nil {
			t.Fatal(err)
		}
		serving, err := first.Serving(limited(t))
		if err != nil || serving.Generation() != s.generation {
			t.Fatalf("got %v, want generation %d", err, s.generation)
		}
		wantSpend(t, serving, "org", Key, "key", DayOf(noon), int64(s.generation))
	}
	if err := second.Forget(limited(t)); err != nil {
		t.Fatal(err)
	}
	if whole, err := second.Restored(limited(t), 1); err != nil || whole {
		t.Errorf("a forgotten generation is restored: %t, %v", whole, err)
	}
	if keys, err := second.client.Keys(limited(t), "*weir:2:*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("a forgotten generation leaves %v, %v", keys, err)
	}
	if whole, err := first.Restored(limited(t), 1); err != nil || !whole {
		t.Errorf("another generation was forgotten: %t, %v", whole, err)
	}
}
