package rollup

import (
	"context"
	"errors"
	"fmt"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/schemas"
)

// Store is the rollup table; *clickhouse.DB is one.
type Store interface {
	InsertRollups(ctx context.Context, token string, b *clickhouse.RollupBlock) error
	// MissingRollups returns the rows of the block that the table does not
	// hold, nil when it holds all.
	MissingRollups(ctx context.Context, b *clickhouse.RollupBlock) (*clickhouse.RollupBlock, error)
	HasRollups(ctx context.Context, generation int, partition int32, from int64) (bool, error)
}

// Sink makes batches of usage events for one generation of the rollup table.
type Sink struct {
	store      Store
	generation int
	extraTags  []string
}

// NewSink returns a sink. extraTags are the names of extra entries that count as
// tags "name=value".
func NewSink(store Store, generation int, extraTags []string) *Sink {
	return &Sink{store: store, generation: generation, extraTags: extraTags}
}

// NewBatch returns an empty batch of one partition of weir.usage.
func (s *Sink) NewBatch(_ schemas.Topic, partition int32) eventlog.Batch {
	return &Batch{sink: s, partition: partition, rollup: newRollup(s.extraTags)}
}

// HasRows tells whether the table holds rows of the partition whose events reach an offset.
func (s *Sink) HasRows(ctx context.Context, _ schemas.Topic, partition int32, from int64) (bool, error) {
	return s.store.HasRollups(ctx, s.generation, partition, from)
}

// Batch is the rollups of consecutive usage events of one partition.
type Batch struct {
	sink      *Sink
	partition int32
	event     schemas.UsageRecorded // scratch

	rollup *rollup // nil once sealed
	block  *clickhouse.RollupBlock
	deltas *live.Deltas
	bytes  int
}

var _ eventlog.Batch = (*Batch)(nil)

var errSealed = errors.New("batch is sealed")

// Add counts a usage event. An error means that it cannot be decoded, or is not
// what its record's headers say.
func (b *Batch) Add(r *eventlog.Record) error {
	if b.rollup == nil {
		return errSealed
	}
	b.event.Reuse()
	// The event's strings are windows into the value: a series copies its own.
	if err := b.event.UnmarshalVTUnsafe(r.Value); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	// What ingest calls dead must not be counted here, or the sums would differ.
	if err := schemas.CheckIdentity(&b.event, r.RequestID, r.Node, r.Seq); err != nil {
		return err
	}
	at, _ := schemas.OccurredAt(b.event.OccurredAt, r.Appended)
	b.rollup.add(&b.event, at, ReceivedAt(&b.event, at, r.Appended), r.Offset)
	return nil
}

// Rows is the number of rows that will be inserted.
func (b *Batch) Rows() int {
	if b.rollup == nil {
		return b.block.Rows()
	}
	return b.rollup.rows
}

// What a row and a duration take, about: the fixed columns with the keys of the
// low-cardinality ones, and a bucket with its count.
const (
	rowBytes    = 190
	sampleBytes = 10
)

// Bytes is about how many bytes the rows hold.
func (b *Batch) Bytes() int {
	if b.rollup == nil {
		return b.bytes
	}
	return b.rollup.rows*rowBytes + b.rollup.samples*sampleBytes + b.rollup.texts
}

// Insert writes the rows as one block under the token.
func (b *Batch) Insert(ctx context.Context, token string) error {
	b.seal()
	return b.sink.store.InsertRollups(ctx, token, b.block)
}

// Missing returns the rows that the table does not hold, nil when it holds all.
func (b *Batch) Missing(ctx context.Context) (eventlog.Batch, error) {
	b.seal()
	block, err := b.sink.store.MissingRollups(ctx, b.block)
	if err != nil || block == nil {
		return nil, err
	}
	return &Batch{sink: b.sink, partition: b.partition, block: block, deltas: new(live.Deltas), bytes: b.bytes}, nil
}

// Deltas is what the batch changes in the live sums. It belongs to the batch and
// is not to be changed.
func (b *Batch) Deltas() *live.Deltas {
	b.seal()
	return b.deltas
}

// seal turns the events into rows, once.
func (b *Batch) seal() {
	if b.rollup == nil {
		return
	}
	b.bytes = b.Bytes()
	buckets := b.rollup.seal()
	b.deltas = b.rollup.deltas
	b.rollup = nil
	addLive(b.deltas, buckets)
	b.block = clickhouse.NewRollupBlock(b.sink.generation, b.partition)
	b.block.Grow(len(buckets))
	latencies, ttfts := 0, 0
	for i := range buckets {
		latencies, ttfts = latencies+len(buckets[i].latency), ttfts+len(buckets[i].ttft)
	}
	b.block.GrowHistograms(latencies, ttfts)
	for i := range buckets {
		row := buckets[i].row()
		b.block.Append(&row)
	}
}
