package stacktest

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// LiveSums reads the live sums of spend that Redis holds under a generation, in pico-dollars by key name, with
// the partitions added up as docs/aggregator.md says. A name has to match one of the patterns.
func (s *Stack) LiveSums(t testing.TB, generation int, patterns ...string) (map[string]string, error) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Redis})
	defer func() { _ = client.Close() }()
	ctx, prefix := t.Context(), fmt.Sprintf("weir:%d:", generation)
	positions, err := client.HGetAll(ctx, prefix+"positions").Result()
	if err != nil {
		return nil, fmt.Errorf("read live positions: %w", err)
	}
	sums := make(map[string]string)
	for _, pattern := range patterns {
		names, err := client.Keys(ctx, prefix+pattern).Result()
		if err != nil {
			return nil, fmt.Errorf("list live sums: %w", err)
		}
		for _, name := range names {
			if sums[name], err = liveSum(ctx, client, name, positions); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

// liveSum adds up the fields of the epochs that the positions name.
func liveSum(ctx context.Context, client *redis.Client, name string, positions map[string]string) (string, error) {
	fields, err := client.HGetAll(ctx, name).Result()
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	sum := new(big.Int)
	for partition, position := range positions {
		epoch, _, _ := strings.Cut(position, ":")
		if text, held := fields[partition+"-"+epoch]; held {
			pico, ok := new(big.Int).SetString(text, 10)
			if !ok {
				return "", Final(fmt.Errorf("%s holds %q", name, text))
			}
			sum.Add(sum, pico)
		}
	}
	return sum.String(), nil
}

// ServingGeneration is the generation of the live sums that Redis says is kept up, as text.
func (s *Stack) ServingGeneration(t testing.TB) (string, error) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Redis})
	defer func() { _ = client.Close() }()
	return client.Get(t.Context(), "weir:generation").Result()
}

// FlushRedis makes Redis forget everything, as FLUSHALL does.
func (s *Stack) FlushRedis(t testing.TB) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Redis})
	defer func() { _ = client.Close() }()
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}
