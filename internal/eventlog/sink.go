package eventlog

import (
	"context"
	"time"

	"weir/schemas"
)

// Record is one record of an event topic as a sink sees it.
type Record struct {
	Topic     schemas.Topic
	Partition int32
	Offset    int64
	Appended  time.Time // Kafka's append time
	RequestID string    // from the headers, as are Node and Seq
	Node      string
	Seq       uint64
	Key       []byte
	Value     []byte // valid until Batch.Add returns
}

// Sink turns the records of each partition into rows of ClickHouse. A consumer
// calls it from several goroutines, each with batches of its own.
type Sink interface {
	// NewBatch returns an empty batch of one partition.
	NewBatch(topic schemas.Topic, partition int32) Batch
	// HasRows tells whether the sink's tables hold rows of the partition at or
	// after an offset. From offset 0 on, that makes a missing committed offset an
	// error instead of a beginning; from the log's end on, the log is not the one
	// that the rows came from.
	HasRows(ctx context.Context, topic schemas.Topic, partition int32, from int64) (bool, error)
}

// Batch is what one INSERT writes: the rows of consecutive records of one
// partition. It is built once, inserted as one native block, and never changed
// afterwards, so that a repeat writes the same bytes under the same token.
type Batch interface {
	// Add decodes the record and adds its rows. An error means that the record
	// cannot be decoded and nothing was added; it is the reason in weir.dead.
	Add(*Record) error
	// Rows and Bytes bound the batch: rows to be inserted, and about how many
	// bytes they hold.
	Rows() int
	Bytes() int
	// Insert writes all rows as one block under the deduplication token. It
	// leaves the batch as it was.
	Insert(ctx context.Context, token string) error
	// Missing returns the rows that the table does not hold as a batch of their
	// own, nil when all are there. It is asked after a repeat only.
	Missing(ctx context.Context) (Batch, error)
}

// Progress stores where a consumer's repeat filter stood: for one (consumer,
// topic, partition) the last seq seen per node at an offset. The state at an
// offset depends on the log before it alone.
type Progress interface {
	// Save stores the state that holds before the record at offset is read.
	Save(ctx context.Context, at Position, seen map[string]uint64) error
	// Newest returns the newest state at or before the offset; offset 0 and an
	// empty map when there is none.
	Newest(ctx context.Context, at Position) (offset int64, seen map[string]uint64, err error)
}

// Position is a place in the log of one consumer.
type Position struct {
	Consumer   string // group name
	Generation int    // rebuild generation
	Topic      schemas.Topic
	Partition  int32
	Offset     int64
}
