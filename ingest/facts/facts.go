// Package facts turns the events of the log into rows of ClickHouse, one row an
// event. It is the sink that ingest gives to the delivery consumer.
//
// Guarantee: a batch is a function of its records alone (no clock, no order of
// a map), so that a repeat inserts the same bytes under the same token. An
// event that decodes becomes a row with every field it carries; one that does
// not, or that is not what its record's headers say, is refused with the reason
// and goes to weir.dead.
//
// Concurrency: a Sink may be used from any number of goroutines, a batch belongs
// to one.
//
// Failure: errors of ClickHouse go to the consumer, which repeats.
package facts

import (
	"context"
	"fmt"
	"sync/atomic"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

// Store is the fact tables; *clickhouse.DB is one.
type Store interface {
	InsertFacts(ctx context.Context, token string, b clickhouse.FactBlock) error
	MissingFacts(ctx context.Context, b clickhouse.FactBlock) (clickhouse.FactBlock, error)
	HasFacts(ctx context.Context, topic schemas.Topic, partition int32, from int64) (bool, error)
}

// Topics are the topics that have a table of facts.
func Topics() []schemas.Topic {
	return []schemas.Topic{schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage, schemas.TopicPayloads}
}

// Sink implements eventlog.Sink on the fact tables.
type Sink struct {
	store Store
	sizes sizes
}

// sizes are the rows of the newest batch of each topic, which the next one will
// resemble: its columns are made that large at once.
type sizes struct{ requests, responses, usage, payloads atomic.Int64 }

// NewSink returns a sink that writes to the store.
func NewSink(store Store) *Sink { return &Sink{store: store} }

var _ eventlog.Sink = (*Sink)(nil)

// HasRows tells whether the topic's table holds rows of the partition from an offset on.
func (s *Sink) HasRows(ctx context.Context, topic schemas.Topic, partition int32, from int64) (bool, error) {
	return s.store.HasFacts(ctx, topic, partition, from)
}

// NewBatch returns an empty batch. The topic is one of Topics; any other is a
// programming error and panics.
func (s *Sink) NewBatch(topic schemas.Topic, _ int32) eventlog.Batch {
	switch topic {
	case schemas.TopicRequests:
		return newBatch(s.store, &s.sizes.requests, clickhouse.NewRequestBlock(), new(schemas.RequestReceived))
	case schemas.TopicResponses:
		return newBatch(s.store, &s.sizes.responses, clickhouse.NewResponseBlock(), new(schemas.ResponseCompleted))
	case schemas.TopicUsage:
		return newBatch(s.store, &s.sizes.usage, clickhouse.NewUsageBlock(), new(schemas.UsageRecorded))
	case schemas.TopicPayloads:
		return newBatch(s.store, &s.sizes.payloads, clickhouse.NewPayloadBlock(), new(schemas.PayloadCaptured))
	}
	panic(fmt.Sprintf("topic %s has no table of facts", topic))
}

// event is what every event of the ledger can do.
type event interface {
	schemas.Event
	GetOccurredAt() int64
	Reuse()
	// UnmarshalVTUnsafe makes strings that are windows into the value. Columns
	// copy what they take, so that none outlives Add.
	UnmarshalVTUnsafe([]byte) error
}

// block is a block that takes the events of one type.
type block[E event] interface {
	clickhouse.FactBlock
	Append(clickhouse.Origin, E)
}

// rowBytes is about what a row takes beside the strings of its event.
const rowBytes = 300

// batch is the rows of one partition of one topic.
type batch[E event] struct {
	store   Store
	size    *atomic.Int64
	rows    block[E]
	scratch E // decoded into, again and again
	bytes   int
}

func newBatch[E event](store Store, size *atomic.Int64, rows block[E], scratch E) *batch[E] {
	return &batch[E]{store: store, size: size, rows: rows, scratch: scratch}
}

func (b *batch[E]) Add(r *eventlog.Record) error {
	b.scratch.Reuse()
	if err := b.scratch.UnmarshalVTUnsafe(r.Value); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := schemas.CheckIdentity(b.scratch, r.RequestID, r.Node, r.Seq); err != nil {
		return err
	}
	if b.bytes == 0 { // not before: a silent partition holds an empty batch for ever
		b.rows.Grow(int(b.size.Load()))
	}
	at, skewed := schemas.OccurredAt(b.scratch.GetOccurredAt(), r.Appended)
	b.rows.Append(clickhouse.Origin{At: at, Skewed: skewed, Partition: r.Partition, Offset: r.Offset}, b.scratch)
	b.bytes += len(r.Value) + rowBytes
	return nil
}

func (b *batch[E]) Rows() int  { return b.rows.Rows() }
func (b *batch[E]) Bytes() int { return b.bytes }

func (b *batch[E]) Insert(ctx context.Context, token string) error {
	b.size.Store(int64(b.Rows()))
	return b.store.InsertFacts(ctx, token, b.rows)
}

func (b *batch[E]) Missing(ctx context.Context) (eventlog.Batch, error) {
	missing, err := b.store.MissingFacts(ctx, b.rows)
	if missing == nil || err != nil {
		return nil, err
	}
	rows := missing.(block[E]) // a block's missing rows are a block of its own type
	return &batch[E]{store: b.store, size: b.size, rows: rows, bytes: b.bytes * rows.Rows() / b.rows.Rows()}, nil
}
