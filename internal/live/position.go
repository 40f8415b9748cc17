package live

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Epoch names one restored copy of a partition's sums, by letters and digits: the
// term, which is one life of Redis, and a number. Every restore writes under a new
// one, so that nothing a lost Redis, a dead writer or one that woke up too late
// has left behind is ever read again; a later one is greater.
type Epoch string

// termLength is that of a term: microseconds since 1970, in base 36.
const termLength = 11

func newTerm() string {
	digits := strconv.FormatInt(time.Now().UnixMicro(), 36)
	return strings.Repeat("0", max(0, termLength-len(digits))) + digits
}

func epochOf(term string, number int64) Epoch {
	digits := strconv.FormatInt(number, 36)
	return Epoch(term + strings.Repeat("0", max(0, 5-len(digits))) + digits)
}

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
// not in it is incomplete: also one whose position is of a life of Redis that is
// over, or of which the open calls have not been posted.
func (s *Store) Positions(ctx context.Context) (map[int32]Position, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	fields, err := s.client.HGetAll(ctx, s.names.positions()).Result()
	if err != nil {
		return nil, fmt.Errorf("read live positions: %w", err)
	}
	if len(fields) == 0 {
		return map[int32]Position{}, nil
	}
	// The term comes last: while it stands, nothing that was read before it is lost.
	term, err := s.client.HGetAll(ctx, termKey).Result()
	if err != nil {
		return nil, fmt.Errorf("read the term of live sums: %w", err)
	}
	positions := make(map[int32]Position, len(fields))
	for field, value := range fields {
		partition, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read live positions: partition %q: %w", field, err)
		}
		at, err := parsePosition(value)
		if err != nil {
			return nil, fmt.Errorf("read live position of partition %d: %w", partition, err)
		}
		if term["id"] != "" && strings.HasPrefix(string(at.Epoch), term["id"]) && (s.aside || term[postedField(int32(partition))] != "") {
			positions[int32(partition)] = at
		}
	}
	return positions, nil
}

// postedField is set at a term when the open calls of a partition are posted.
func postedField(partition int32) string { return "posted:" + strconv.Itoa(int(partition)) }

// Begin begins a restore of a partition and returns its epoch. Until the restore
// ends, readers see that sums lack the partition.
func (s *Store) Begin(ctx context.Context, partition int32) (Epoch, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	reply, err := s.scripts.begin.Run(ctx, s.client, []string{termKey, orgsKey}, newTerm()).Slice()
	if err != nil {
		return "", fmt.Errorf("begin to restore partition %d: %w", partition, err)
	}
	term, ok1 := reply[0].(string)
	number, ok2 := reply[1].(int64)
	if !ok1 || !ok2 {
		return "", fmt.Errorf("begin to restore partition %d: redis answers %v", partition, reply)
	}
	epoch := epochOf(term, number)
	_, err = s.restoring(ctx, partition, epoch)
	return epoch, err
}

// restoring takes a partition's position away until the restore under an epoch
// has ended. It is false when a later one was begun.
func (s *Store) restoring(ctx context.Context, partition int32, epoch Epoch) (bool, error) {
	keys := []string{s.names.positions(), s.names.restores()}
	ok, err := s.scripts.restoring.Run(ctx, s.client, keys, partition, string(epoch)).Bool()
	if err != nil {
		return false, fmt.Errorf("take away live position of partition %d: %w", partition, err)
	}
	return ok, nil
}

// termOf is the life of Redis that an epoch is of.
func termOf(e Epoch) string { return string(e[:min(len(e), termLength)]) }

// complete sets the position that a restore makes. It is false when Redis was
// lost, or another restore begun, since this one was.
func (s *Store) complete(ctx context.Context, partition int32, at Position) (bool, error) {
	keys := []string{s.names.positions(), s.names.restores()}
	return s.scripts.complete.Run(ctx, s.client, keys, partition, string(at.Epoch), at.String()).Bool()
}

// posted notes that the open calls of a partition are posted.
func (s *Store) posted(ctx context.Context, partition int32, epoch Epoch) (bool, error) {
	if s.aside {
		return true, nil
	}
	return s.scripts.posted.Run(ctx, s.client, []string{termKey}, termOf(epoch), postedField(partition), s.generation).Bool()
}

// look reads a hash and the server's time, in seconds.
func (s *Store) look(ctx context.Context, key string) (now int64, fields map[string]string, err error) {
	reply, err := s.scripts.look.Run(ctx, s.client, []string{key}).StringSlice()
	if err != nil {
		return 0, nil, fmt.Errorf("read %s: %w", key, err)
	}
	if len(reply)%2 == 0 {
		return 0, nil, fmt.Errorf("read %s: redis answers %d texts", key, len(reply))
	}
	if now, err = strconv.ParseInt(reply[0], 10, 64); err != nil {
		return 0, nil, fmt.Errorf("read %s: time: %w", key, err)
	}
	fields = make(map[string]string, len(reply)/2)
	for i := 1; i < len(reply); i += 2 {
		fields[reply[i]] = reply[i+1]
	}
	return now, fields, nil
}

// Age makes the current term older than any gateway waits for others: for tests,
// whose gateways are all there.
func (s *Store) Age(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.client.HSet(ctx, termKey, "born", 0).Err()
}
