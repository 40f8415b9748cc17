package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"weir/schemas"
)

// Types of columns, as the server names them.
const (
	typeName  = "LowCardinality(String)"
	typeNames = "Array(LowCardinality(String))"
	typeTime  = "DateTime64(6, 'UTC')"
	typeMS    = "Decimal(18, 3)"
	typeMoney = "Decimal(38, 12)"
)

// Origin is where an event stood in the log, and when it counts.
type Origin struct {
	At        time.Time // by schemas.OccurredAt
	Skewed    bool
	Partition int32
	Offset    int64
}

// FactBlock is the rows of one batch of events of one kind, one row an event.
type FactBlock interface {
	// Rows is the number of rows in the block.
	Rows() int
	// Grow makes room for so many rows more. It is only about speed.
	Grow(rows int)

	shared() *facts
	empty() FactBlock
	// expired tells whether the table may have let the row go by now.
	expired(row int, now time.Time, retentionMonths int) bool
}

// facts is what the blocks of all events share.
type facts struct {
	block
	requestID      text
	occurredAt     numbers[int64]
	clockSkew      flags
	node           names
	seq            numbers[uint64]
	kafkaPartition numbers[int32]
	kafkaOffset    numbers[int64]
}

func (f *facts) Rows() int      { return f.rows() }
func (f *facts) shared() *facts { return f }

func (f *facts) expired(row int, now time.Time, retentionMonths int) bool {
	return retentionMonths > 0 && f.occurredAt.values[row] < now.AddDate(0, -retentionMonths, 0).UnixMicro()
}

func (f *facts) define(table string, own []field) {
	f.block = block{table: table, columns: append([]field{
		{"request_id", "String", &f.requestID},
		{"occurred_at", typeTime, &f.occurredAt},
		{"clock_skew", "Bool", &f.clockSkew},
		{"node", typeName, &f.node},
		{"seq", "UInt64", &f.seq},
		{"kafka_partition", "Int32", &f.kafkaPartition},
		{"kafka_offset", "Int64", &f.kafkaOffset},
	}, own...)}
}

func (f *facts) add(o Origin, e schemas.Event) {
	f.requestID.add(e.GetRequestId())
	f.occurredAt.add(o.At.UnixMicro())
	f.clockSkew.add(o.Skewed)
	f.node.add(e.GetNode())
	f.seq.add(e.GetSeq())
	f.kafkaPartition.add(o.Partition)
	f.kafkaOffset.add(o.Offset)
}

// InsertFacts writes the block under the deduplication token and leaves it as
// it was.
func (db *DB) InsertFacts(ctx context.Context, token string, b FactBlock) error {
	return db.insert(ctx, token, &b.shared().block)
}

// MissingFacts returns the rows of the block that the table does not hold, by
// their offsets, as a block of their own; nil when all are there. Asked after a
// repeat only. Rows past the retention do not count as missing, or a repeat
// would fight with their removal.
func (db *DB) MissingFacts(ctx context.Context, b FactBlock) (FactBlock, error) {
	f := b.shared()
	if b.Rows() == 0 {
		return nil, nil
	}
	held, err := db.heldOffsets(ctx, f)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var rows []int
	for row, offset := range f.kafkaOffset.values {
		if _, ok := held[offset]; !ok && !b.expired(row, now, db.retentionMonths) {
			rows = append(rows, row)
		}
	}
	if rows == nil {
		return nil, nil
	}
	missing := b.empty()
	missing.shared().copyRows(&f.block, rows)
	return missing, nil
}

// heldOffsets reads which offsets of the block's range the table holds. The
// time range spares it the table partitions that the block does not touch.
func (db *DB) heldOffsets(ctx context.Context, f *facts) (map[int64]struct{}, error) {
	rows, err := db.conn.Query(ctx, `
		SELECT kafka_offset FROM `+f.table+`
		WHERE kafka_partition = ? AND kafka_offset BETWEEN ? AND ?
			AND occurred_at BETWEEN fromUnixTimestamp64Micro(?, 'UTC') AND fromUnixTimestamp64Micro(?, 'UTC')`,
		f.kafkaPartition.values[0], slices.Min(f.kafkaOffset.values), slices.Max(f.kafkaOffset.values),
		slices.Min(f.occurredAt.values), slices.Max(f.occurredAt.values))
	if err != nil {
		return nil, fmt.Errorf("read offsets of %s: %w", f.table, err)
	}
	defer rows.Close()
	held := make(map[int64]struct{}, f.rows())
	for rows.Next() {
		var offset int64
		if err := rows.Scan(&offset); err != nil {
			return nil, fmt.Errorf("read offsets of %s: %w", f.table, err)
		}
		held[offset] = struct{}{}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read offsets of %s: %w", f.table, err)
	}
	return held, nil
}

// HasFacts tells whether the table of a topic's events holds rows of a Kafka
// partition, at or after an offset.
func (db *DB) HasFacts(ctx context.Context, topic schemas.Topic, partition int32, from int64) (bool, error) {
	b, err := NewFactBlock(topic)
	if err != nil {
		return false, err
	}
	return db.hasRows(ctx, b.shared().table, "kafka_offset", partition, from)
}

// NewFactBlock returns an empty block for the events of a topic. Errors: the
// topic carries no facts.
func NewFactBlock(topic schemas.Topic) (FactBlock, error) {
	switch topic {
	case schemas.TopicRequests:
		return NewRequestBlock(), nil
	case schemas.TopicResponses:
		return NewResponseBlock(), nil
	case schemas.TopicUsage:
		return NewUsageBlock(), nil
	case schemas.TopicPayloads:
		return NewPayloadBlock(), nil
	}
	return nil, fmt.Errorf("topic %s has no table of facts", topic)
}
