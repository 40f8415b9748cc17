package control

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/eventlog"
	"weir/schemas"
)

// Recorded is an accepted change of an organisation, as it stands in the log.
type Recorded struct {
	Offset int64
	Kind   string // "org", "project", "group", "member", "key", "access_list", "credential", "user" or "credit"
	ID     string
	Entity any // what was stored, a *schemas.ApiKey and so on; nil when it was deleted
	// Version is the one that the change made.
	Version uint64
	Record  *schemas.ControlRecord
}

// RecordedOf reads a record; false for what is not an organisation's.
func RecordedOf(offset int64, r *schemas.ControlRecord) (Recorded, bool) {
	entity, n, err := changeOf(r)
	if err != nil || (&organization{}).table(n.kind) == nil {
		return Recorded{}, false
	}
	return Recorded{Offset: offset, Kind: n.kind, ID: n.id, Entity: entity, Version: r.ExpectedVersion + 1, Record: r}, true
}

// auditSpan is how many records of the log one Audit reads at most: those of other
// organisations lie between. Kafka gives them in one or two answers.
const auditSpan = 5000

// Audit returns changes of an organisation, the newest first, from the ones before
// an offset on; 0 is the end of the log. It returns at most limit, and fewer where
// they lie far apart; next is where the older ones begin, 0 when there are none.
// It reads them from Kafka: only where they are is kept in memory.
func (s *Store) Audit(ctx context.Context, org string, before int64, limit int) (changes []Recorded, next int64, err error) {
	s.mu.Lock()
	offsets, next := page(s.trail[org], before, limit)
	s.mu.Unlock()
	if len(offsets) == 0 {
		return nil, 0, nil
	}
	err = s.log.Range(ctx, schemas.TopicControl, 0, offsets[0], offsets[len(offsets)-1]+1, func(r *eventlog.Record) error {
		if _, ours := slices.BinarySearch(offsets, r.Offset); !ours {
			return nil
		}
		rec := &schemas.ControlRecord{}
		if err := rec.UnmarshalVT(r.Value); err != nil {
			return fmt.Errorf("decode control record at offset %d: %w", r.Offset, err)
		}
		if change, ok := RecordedOf(r.Offset, rec); ok {
			changes = append(changes, change)
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the audit trail: %w", err)
	}
	slices.Reverse(changes)
	return changes, next, nil
}

// page chooses among offsets in their order. What it returns is never written to
// again: a trail only grows.
func page(trail []int64, before int64, limit int) (offsets []int64, next int64) {
	end := len(trail)
	if before > 0 {
		end, _ = slices.BinarySearch(trail, before)
	}
	start := max(0, end-limit)
	for start < end && trail[end-1]-trail[start] > auditSpan {
		start++
	}
	if start > 0 && start < end {
		next = trail[start]
	}
	return trail[start:end:end], next
}

// note remembers where an accepted change of an organisation stands. Refused
// commands and repeats change nothing, and are no part of the trail.
func (s *Store) note(r *schemas.ControlRecord, offset int64, before uint64, v Verdict) {
	n := parseName(r.EntityId)
	if v.Accepted && v.Version == before+1 && (&organization{}).table(n.kind) != nil {
		s.trail[n.org] = append(s.trail[n.org], offset)
	}
}

func (s *State) version(entityID string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.versions[entityID]
}
