package live

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/apply.lua
var applySource string

//go:embed scripts/restore.lua
var restoreSource string

//go:embed scripts/advance.lua
var advanceSource string

// Store is the live state of one rebuild generation in one Redis.
type Store struct {
	client     redis.UniversalClient
	generation int
	names      names
	timeout    time.Duration // of a read

	apply, restore, advance *redis.Script
	takeRates               *redis.Script
}

// Open prepares a client for a generation (1, or a rebuild's). It does not
// connect: a Redis that is away shows in the calls.
func Open(c Config, generation int) *Store {
	return &Store{
		client: redis.NewUniversalClient(&redis.UniversalOptions{
			Addrs:         []string{c.Addr},
			IsClusterMode: c.Cluster,
			Username:      c.Username,
			Password:      c.Password,
			DialTimeout:   c.Timeout,
			// Every call has a deadline: that of a large write is the caller's.
			ContextTimeoutEnabled: true,
			ReadTimeout:           -1,
			WriteTimeout:          -1,
			// The follower has its own way of coming back.
			MaxRetries: -1,
		}),
		generation: generation,
		names:      namesOf(generation),
		timeout:    c.Timeout,
		apply:      redis.NewScript(applySource),
		restore:    redis.NewScript(restoreSource),
		advance:    redis.NewScript(advanceSource),
		takeRates:  redis.NewScript(ratesSource),
	}
}

// Close ends all connections.
func (s *Store) Close() error { return s.client.Close() }

// Range is the records [From, Next) of one partition of weir.usage, for the
// partition's sums under an epoch.
type Range struct {
	Partition  int32
	Epoch      Epoch
	From, Next int64
}

// Apply adds what the records of a range change, however often it is called with
// the same range and deltas. It returns how many sums refused their delta since
// they would pass int64, and whether Redis stood at either end of the range: if
// it did not, it was lost or misses records, and the partition is to be
// restored. After an error the range may be applied in part; only the same range
// with the same deltas may follow, or a restore. The context must have a
// deadline.
func (s *Store) Apply(ctx context.Context, r Range, d *Deltas) (refused int, ok bool, err error) {
	field := fieldOf(r.Partition, r.Epoch)
	replies, err := s.run(ctx, s.apply, callsOf(s.names, field, r.Next, d))
	if err != nil {
		return 0, false, fmt.Errorf("apply live sums of partition %d: %w", r.Partition, err)
	}
	for _, reply := range replies {
		refused += max(0, int(reply))
	}
	moved, err := s.advance.Run(ctx, s.client, []string{s.names.positions()}, strconv.Itoa(int(r.Partition)),
		Position{r.Epoch, r.From}.String(), Position{r.Epoch, r.Next}.String()).Int()
	if err != nil {
		return refused, false, fmt.Errorf("advance live position of partition %d: %w", r.Partition, err)
	}
	return refused, moved == 1, nil
}

// restoreChunk is how many keys one script call of a restore writes, so that
// Redis answers others in between.
const restoreChunk = 500

// Restore writes the sums of a partition as the log has them before the offset
// at.Next, under at.Epoch, which must be new, and makes it the partition's
// position. It may be repeated after an error, with the sums of more records and
// a greater offset too.
func (s *Store) Restore(ctx context.Context, partition int32, at Position, sums *Deltas) error {
	// An attempt before this one may have ended without an answer: while its sums
	// are written over, nobody may rely on them.
	if err := s.Incomplete(ctx, partition); err != nil {
		return err
	}
	field := fieldOf(partition, at.Epoch)
	for _, whole := range scopesOf(s.names, field, sums) {
		for _, part := range whole.chunks(restoreChunk) {
			if _, err := s.run(ctx, s.restore, []scriptCall{part.call(field, at.Next)}); err != nil {
				return fmt.Errorf("restore live sums of partition %d: %w", partition, err)
			}
		}
	}
	err := s.client.HSet(ctx, s.names.positions(), strconv.Itoa(int(partition)), at.String()).Err()
	if err != nil {
		return fmt.Errorf("set live position of partition %d: %w", partition, err)
	}
	return nil
}

// scriptCall is one call of a script.
type scriptCall struct {
	keys []string
	args []any
}

// run calls a script several times in one round trip, by its hash, and once more
// with its source when Redis does not know it.
func (s *Store) run(ctx context.Context, script *redis.Script, calls []scriptCall) ([]int64, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	replies, err := s.pipeline(ctx, calls, script.EvalSha)
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		replies, err = s.pipeline(ctx, calls, script.Eval)
	}
	return replies, err
}

type eval func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func (s *Store) pipeline(ctx context.Context, calls []scriptCall, call eval) ([]int64, error) {
	pipe := s.client.Pipeline()
	sent := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		sent[i] = call(ctx, pipe, c.keys, c.args...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	replies := make([]int64, len(calls))
	for i, cmd := range sent {
		reply, err := cmd.Int64()
		if err != nil {
			return nil, err
		}
		replies[i] = reply
	}
	return replies, nil
}
