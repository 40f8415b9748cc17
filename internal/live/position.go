package live

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
)

// Epoch names one restored copy of a partition's sums: letters and digits. Every
// restore writes under a new one, so that nothing a lost Redis, a dead writer or
// one that woke up too late has left behind is ever read again.
type Epoch string

// NewEpoch returns an epoch that nobody else has.
func NewEpoch() Epoch { return Epoch(strings.ToLower(rand.Text()[:13])) }

// Position says what Redis holds of a partition: every record before the offset
// Next, under an epoch. The zero value stands for nothing.
type Position struct {
	Epoch Epoch
	Next  int64
}

func (p Position) String() string { return string(p.Epoch) + ":" + strconv.FormatInt(p.Next, 10) }

func parsePosition(text string) (Position, error) {
	epoch, next, ok := strings.Cut(text, ":")
	offset, err := strconv.ParseInt(next, 10, 64)
	if !ok || err != nil || epoch == "" || offset < 0 {
		return Position{}, fmt.Errorf("expects epoch:offset, got %q", text)
	}
	return Position{Epoch(epoch), offset}, nil
}

// fieldOf names the sums of a partition under an epoch: what stands in hashes as
// a field, or before the dot of one.
func fieldOf(partition int32, epoch Epoch) string {
	return strconv.Itoa(int(partition)) + "-" + string(epoch)
}

// Positions returns what Redis holds, by Kafka partition. A partition that is
// not in it is incomplete.
func (s *Store) Positions(ctx context.Context) (map[int32]Position, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	fields, err := s.client.HGetAll(ctx, s.names.positions()).Result()
	if err != nil {
		return nil, fmt.Errorf("read live positions: %w", err)
	}
	positions := make(map[int32]Position, len(fields))
	for field, value := range fields {
		partition, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read live positions: partition %q: %w", field, err)
		}
		if positions[int32(partition)], err = parsePosition(value); err != nil {
			return nil, fmt.Errorf("read live position of partition %d: %w", partition, err)
		}
	}
	return positions, nil
}

// Incomplete takes a partition's position away: until it is restored, readers
// see that sums lack it.
func (s *Store) Incomplete(ctx context.Context, partition int32) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client.HDel(ctx, s.names.positions(), strconv.Itoa(int(partition))).Err(); err != nil {
		return fmt.Errorf("take away live position of partition %d: %w", partition, err)
	}
	return nil
}
