package follow

import (
	"context"
	"fmt"
	"time"

	"weir/aggregator/rollup"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/schemas"
)

const (
	// requestSlice is how many requests are read at a time. Those of a slice that hold
	// budgets and have no usage yet are in memory.
	requestSlice = 200_000
	// endedWithin is how recent a usage must be for its reservation to be looked for:
	// gateways know for longer what they have settled, but only as long as nobody
	// tells them that it is applied.
	endedWithin = 15 * time.Minute
)

// reader adds up one partition of the log for a restore.
type reader struct {
	*Follower
	partition int32
	now       time.Time
	slice     int64
	sums      *live.Deltas

	usage, requests repeats
	open            map[string]holds // calls with budgets of which only the request was seen
	early           map[string]bool  // those of which only the usage was

	request schemas.RequestReceived // scratch
	event   schemas.UsageRecorded   // scratch
}

// holds is what an open call reserves.
type holds struct {
	org     string
	budgets []*schemas.BudgetHold
}

// repeats drops what a node's numbers show to be a repeat. A range that does not
// begin the log may begin with an empty one: lifetimes need all of it, so there is
// none that does not.
type repeats map[string]uint64

func (seen repeats) drop(r *eventlog.Record) bool {
	if r.Node == "" {
		return false
	}
	if r.Seq <= seen[r.Node] {
		return true
	}
	seen[r.Node] = r.Seq
	return false
}

// readLog adds up what is open from the log before an offset: the sums of its
// usage, from its beginning on, since a lifetime has no other, and the calls with
// budgets whose usage is not among it.
func (f *Follower) readLog(ctx context.Context, partition int32, before int64) (live.Epoch, *live.Deltas, error) {
	// From here on what the follower finds in Redis is not to be trusted.
	epoch, err := f.redis.Begin(ctx, partition)
	if err != nil {
		return "", nil, err
	}
	r := newReader(f, partition)
	if err := r.read(ctx, before); err != nil {
		return "", nil, err
	}
	for id, call := range r.open {
		r.sums.AddOpen(call.org, id, call.budgets)
	}
	return epoch, r.sums, nil
}

func newReader(f *Follower, partition int32) *reader {
	now := f.now()
	return &reader{
		Follower: f, partition: partition, now: now, slice: requestSlice, sums: live.OpenAt(now),
		usage: make(repeats), requests: make(repeats),
		open: make(map[string]holds), early: make(map[string]bool),
	}
}

// read reads requests and usage side by side, so that only what is open at a time
// is in memory.
func (r *reader) read(ctx context.Context, before int64) error {
	at, _, err := r.log.Bounds(ctx, schemas.TopicUsage, r.partition)
	if err != nil {
		return err
	}
	if at > 0 {
		r.logger.Warn("the log does not begin with its first record: lifetimes lack what is gone", "partition", r.partition, "begins", at)
	}
	// A call of which the log has the usage has its request before this end, but for
	// the few whose request is still on its way into the other topic.
	request, end, err := r.log.Bounds(ctx, schemas.TopicRequests, r.partition)
	if err != nil {
		return err
	}
	for !r.aside && request < end {
		next, last := min(request+r.slice, end), time.Time{}
		err := r.log.Range(ctx, schemas.TopicRequests, r.partition, request, next, func(record *eventlog.Record) error {
			last = record.Appended
			return r.addRequest(record)
		})
		if err != nil {
			return err
		}
		request = next
		until, err := r.log.OffsetAt(ctx, schemas.TopicUsage, r.partition, last)
		if err != nil {
			return fmt.Errorf("find the usage beside the requests: %w", err)
		}
		if until = min(until, before); until > at {
			if err := r.log.Range(ctx, schemas.TopicUsage, r.partition, at, until, r.addUsage); err != nil {
				return err
			}
			at = until
		}
	}
	return r.log.Range(ctx, schemas.TopicUsage, r.partition, at, before, r.addUsage)
}

func (r *reader) addRequest(record *eventlog.Record) error {
	event := &r.request
	event.Reuse()
	if r.requests.drop(record) || event.UnmarshalVT(record.Value) != nil || len(event.Budgets) == 0 ||
		schemas.CheckIdentity(event, record.RequestID, record.Node, record.Seq) != nil {
		return nil
	}
	if r.early[event.RequestId] {
		delete(r.early, event.RequestId)
		return nil
	}
	r.open[event.RequestId] = holds{event.GetDimensions().GetOrgId(), event.Budgets}
	return nil
}

func (r *reader) addUsage(record *eventlog.Record) error {
	if r.usage.drop(record) {
		return nil
	}
	event := &r.event
	event.Reuse()
	if event.UnmarshalVT(record.Value) != nil || schemas.CheckIdentity(event, record.RequestID, record.Node, record.Seq) != nil {
		return nil // ingest accounts for it
	}
	at, _ := schemas.OccurredAt(event.OccurredAt, record.Appended)
	rollup.AddLive(r.sums, event, at, rollup.ReceivedAt(event, at, record.Appended), r.extraTags)
	r.sums.AddUsage(event, record.Appended.Before(r.now.Add(-endedWithin)))
	if len(event.Budgets) == 0 || r.aside {
		return nil
	}
	if _, known := r.open[event.RequestId]; known {
		delete(r.open, event.RequestId)
	} else {
		r.early[event.RequestId] = true
	}
	return nil
}
