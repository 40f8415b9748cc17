package live

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Restored tells whether Redis holds every one of the partitions of weir.usage:
// whether the sums that readers get are complete, but for the records of the
// last second or two.
func (s *Store) Restored(ctx context.Context, partitions int) (bool, error) {
	positions, err := s.Positions(ctx)
	if err != nil {
		return false, err
	}
	for partition := range partitions {
		if _, ok := positions[int32(partition)]; !ok {
			return false, nil
		}
	}
	return true, nil
}

// Spend returns what was spent in a window, in pico-dollars: by an organisation
// (id "") or one of its groups, projects, members, keys, users or tags. Windows that are over may lack what
// a restore since has not read; open ones hold all, as far as Restored says. A
// sum past int64 is reported as its greatest value.
func (s *Store) Spend(ctx context.Context, org string, dimension Dimension, id string, window Window) (int64, error) {
	positions, err := s.Positions(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	fields, err := s.client.HGetAll(ctx, s.names.spend(orgScope(org), budget{dimension, id, window})).Result()
	if err != nil {
		return 0, fmt.Errorf("read live spend of %s %q: %w", dimension, id, err)
	}
	var sum int64
	for partition, position := range positions {
		text, ok := fields[fieldOf(partition, position.Epoch)]
		if !ok {
			continue
		}
		pico, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read live spend of %s %q: %w", dimension, id, err)
		}
		if pico < 0 {
			pico = math.MaxInt64 // no call costs less than nothing: miniredis wraps where Redis refuses
		}
		sum = addSaturated(sum, pico)
	}
	return sum, nil
}

// LatencyMinute is what the calls of one model that ended well in one minute
// took, those answered in one piece and those streamed.
type LatencyMinute struct {
	Start         time.Time
	Plain, Stream LatencySums
}

// Latency returns the minutes of the last hour before now in which a model was
// called, the newest first. The model is without its provider.
func (s *Store) Latency(ctx context.Context, provider, model string, now time.Time) ([]LatencyMinute, error) {
	positions, err := s.Positions(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	newest := now.Unix() - now.Unix()%60
	pipe := s.client.Pipeline()
	var replies []*redis.MapStringStringCmd
	for back := int64(0); back <= int64(LatencyKept.Seconds()); back += 60 {
		replies = append(replies, pipe.HGetAll(ctx, s.names.latency(provider, model, newest-back)))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("read live latency of %s/%s: %w", provider, model, err)
	}
	var minutes []LatencyMinute
	for i, reply := range replies {
		fields := reply.Val()
		if len(fields) == 0 {
			continue
		}
		minute := LatencyMinute{Start: time.Unix(newest-60*int64(i), 0).UTC()}
		for partition, position := range positions {
			field := fieldOf(partition, position.Epoch)
			minute.Plain.Add(latencySums(fields, latencyFields(field, false)))
			minute.Stream.Add(latencySums(fields, latencyFields(field, true)))
		}
		if minute.Plain.Calls+minute.Stream.Calls > 0 {
			minutes = append(minutes, minute)
		}
	}
	return minutes, nil
}

// latencySums reads one set of sums; what is not a number counts as none.
func latencySums(fields map[string]string, names []string) LatencySums {
	var values [4]int64
	for i, name := range names {
		value, err := strconv.ParseInt(fields[name], 10, 64)
		if err == nil {
			values[i] = value
		}
	}
	return LatencySums{values[0], values[1], values[2], values[3]}
}
