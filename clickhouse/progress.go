package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"weir/internal/eventlog"
)

// Progress keeps the checkpoints of consumers in the table progress. It
// implements eventlog.Progress.
//
// A checkpoint older than a week folds into the newest one that is older than a
// week, and that one stays. So Newest finds a state at or before any offset
// that a consumer has committed, as long as only states at committed offsets
// are saved. Saving one twice does no harm.
type Progress struct{ db *DB }

var _ eventlog.Progress = Progress{}

// Progress returns the checkpoints that lie in this database.
func (db *DB) Progress() Progress { return Progress{db} }

// Save stores the state that holds before the record at the position is read.
// It returns when the state is stored.
func (p Progress) Save(ctx context.Context, at eventlog.Position, seen map[string]uint64) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	batch, err := p.db.conn.PrepareBatch(ctx, "INSERT INTO progress (consumer, generation, topic, partition, offset, seen, saved_at)")
	if err != nil {
		return fmt.Errorf("save progress: %w", err)
	}
	if seen == nil {
		seen = map[string]uint64{}
	}
	err = batch.Append(at.Consumer, int32(at.Generation), string(at.Topic), at.Partition, at.Offset, seen, time.Now())
	if err != nil {
		_ = batch.Abort()
		return fmt.Errorf("save progress: %w", err)
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("save progress: %w", err)
	}
	return nil
}

// Newest returns the newest state at or before the position's offset; offset 0
// and an empty map when there is none.
func (p Progress) Newest(ctx context.Context, at eventlog.Position) (int64, map[string]uint64, error) {
	rows, err := p.db.conn.Query(ctx, `
		SELECT offset, seen FROM progress
		WHERE consumer = ? AND generation = ? AND topic = ? AND partition = ? AND offset <= ?
		ORDER BY offset DESC LIMIT 1`,
		at.Consumer, int32(at.Generation), string(at.Topic), at.Partition, at.Offset)
	if err != nil {
		return 0, nil, fmt.Errorf("read progress: %w", err)
	}
	defer rows.Close()
	offset, seen := int64(0), map[string]uint64{}
	if rows.Next() {
		if err := rows.Scan(&offset, &seen); err != nil {
			return 0, nil, fmt.Errorf("read progress: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, nil, fmt.Errorf("read progress: %w", err)
	}
	return offset, seen, nil
}
