package live

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Store is the live state of one rebuild generation in one Redis.
type Store struct {
	client     redis.UniversalClient
	generation int
	names      names
	timeout    time.Duration // of a read
	aside      bool
	scripts    *scripts
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
		scripts:    newScripts(),
	}
}

// Aside returns the store of a generation that is being made beside the one that
// serves, on the same connections: it leaves reservations alone until gateways
// count by its sums.
func (s *Store) Aside() *Store {
	other := *s
	other.aside = true
	return &other
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
	l := layout{s.names, s.generation, s.aside, r.Partition, r.Epoch, r.Next}
	var calls []scriptCall
	for _, whole := range scopesOf(s.names, fieldOf(r.Partition, r.Epoch), d) {
		calls = append(calls, l.apply(whole))
	}
	replies, err := s.run(ctx, s.scripts.apply, calls)
	if err != nil {
		return 0, false, fmt.Errorf("apply live sums of partition %d: %w", r.Partition, err)
	}
	for _, reply := range replies {
		if reply == overtaken {
			return refused, false, nil
		}
		refused += max(0, int(reply))
	}
	moved, err := s.scripts.advance.Run(ctx, s.client, []string{s.names.positions()}, strconv.Itoa(int(r.Partition)),
		Position{r.Epoch, r.From}.String(), Position{r.Epoch, r.Next}.String()).Int()
	if err != nil {
		return refused, false, fmt.Errorf("advance live position of partition %d: %w", r.Partition, err)
	}
	return refused, moved == 1, nil
}

// overtaken is a script's answer to the writer of an epoch that is over.
const overtaken = -2

// restoreChunk is how many keys one script call of a restore writes, so that
// Redis answers others in between.
const restoreChunk = 500

// Restore writes the sums of a partition as the log has them before the offset
// at.Next, under at.Epoch, which Begin has given out, and makes it the partition's
// position. It may be repeated after an error, with the sums of more records and
// a greater offset too. It is false when Redis was lost, or a later restore of the
// partition begun, in between: begin again.
func (s *Store) Restore(ctx context.Context, partition int32, at Position, sums *Deltas) (ok bool, err error) {
	// An attempt before this one may have ended without an answer: while its sums
	// are written over, nobody may rely on them.
	if ok, err := s.restoring(ctx, partition, at.Epoch); !ok || err != nil {
		return false, err
	}
	l := layout{s.names, s.generation, s.aside, partition, at.Epoch, at.Next}
	for _, whole := range scopesOf(s.names, fieldOf(partition, at.Epoch), sums) {
		for _, part := range whole.chunks(restoreChunk) {
			if _, err := s.run(ctx, s.scripts.restore, []scriptCall{l.restore(whole, part)}); err != nil {
				return false, fmt.Errorf("restore live sums of partition %d: %w", partition, err)
			}
		}
		for _, call := range l.restored(whole) {
			replies, err := s.run(ctx, s.scripts.restored, []scriptCall{call})
			if err != nil {
				return false, fmt.Errorf("restore live sums of partition %d: %w", partition, err)
			}
			if replies[0] == overtaken {
				return false, nil
			}
		}
	}
	if ok, err = s.posted(ctx, partition, at.Epoch); ok && err == nil {
		ok, err = s.complete(ctx, partition, at)
	}
	if err != nil {
		return false, fmt.Errorf("set live position of partition %d: %w", partition, err)
	}
	return ok, nil
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
