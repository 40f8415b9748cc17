package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// keepMinutes is the TTL of minutes in the rollups' table.
const keepMinutes = 7 * 24 * time.Hour

// rollupPart is a table partition of the rollups, as PARTITION BY of the table
// says it: the resolution with the day of a minute or the month of an hour or a
// day, written as one number.
type rollupPart struct {
	resolution int8
	period     uint32
}

func partOf(resolution int8, bucket uint32) rollupPart {
	t := time.Unix(int64(bucket), 0).UTC()
	period := uint32(t.Year())*100 + uint32(t.Month())
	if Resolution(resolution) == Minute {
		period = period*100 + uint32(t.Day())
	}
	return rollupPart{resolution, period}
}

// MissingRollups returns the rows of the block that the table does not hold, as
// a block of their own, nil when all are there. Asked after a repeat only.
//
// One insert puts one part into each table partition that it touches, whole or
// not at all, and the batches of a Kafka partition come in the order of their
// offsets. So the rows in a table partition are there exactly when the greatest
// offset found there for the Kafka partition has reached the block's own.
func (db *DB) MissingRollups(ctx context.Context, b *RollupBlock) (*RollupBlock, error) {
	if b.Rows() == 0 {
		return nil, nil
	}
	want := make(map[rollupPart]int64)
	for row := range b.Rows() {
		part := partOf(b.resolution.values[row], b.bucket.values[row])
		offset, seen := want[part]
		if !seen || b.lastOffset.values[row] > offset {
			want[part] = b.lastOffset.values[row]
		}
	}
	held, err := db.rollupOffsets(ctx, b)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var rows []int
	for row := range b.Rows() {
		part := partOf(b.resolution.values[row], b.bucket.values[row])
		if offset, ok := held[part]; (!ok || offset < want[part]) && !b.expired(row, now) {
			rows = append(rows, row)
		}
	}
	if rows == nil {
		return nil, nil
	}
	missing := NewRollupBlock(b.generation, b.partition)
	missing.copyRows(&b.block, rows)
	return missing, nil
}

// expired tells whether the table may have let the row go by now. Such a row
// does not count as missing, or a repeat would fight with its removal.
func (b *RollupBlock) expired(row int, now time.Time) bool {
	return Resolution(b.resolution.values[row]) == Minute &&
		int64(b.bucket.values[row]) <= now.Add(-keepMinutes).Unix()
}

// rollupOffsets reads the greatest offset that the table holds of the block's
// Kafka partition in each table partition that the block may touch.
func (db *DB) rollupOffsets(ctx context.Context, b *RollupBlock) (map[rollupPart]int64, error) {
	// Whole months, since a period may reach beyond the block's own buckets.
	from := time.Unix(int64(slices.Min(b.bucket.values)), 0).UTC()
	to := time.Unix(int64(slices.Max(b.bucket.values)), 0).UTC()
	rows, err := db.conn.Query(ctx, `
		SELECT toInt8(resolution), if(resolution = '1m', toYYYYMMDD(bucket), toYYYYMM(bucket)) AS period, max(last_offset)
		FROM `+b.table+`
		WHERE kafka_partition = ? AND bucket >= ? AND bucket < ? AND last_offset >= ?
		GROUP BY resolution, period`,
		b.partition,
		time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC),
		time.Date(to.Year(), to.Month()+1, 1, 0, 0, 0, 0, time.UTC),
		slices.Min(b.lastOffset.values))
	if err != nil {
		return nil, fmt.Errorf("read last offsets of %s: %w", b.table, err)
	}
	defer rows.Close()
	held := make(map[rollupPart]int64)
	for rows.Next() {
		var part rollupPart
		var offset int64
		if err := rows.Scan(&part.resolution, &part.period, &offset); err != nil {
			return nil, fmt.Errorf("read last offsets of %s: %w", b.table, err)
		}
		held[part] = offset
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read last offsets of %s: %w", b.table, err)
	}
	return held, nil
}

// HasRollups tells whether the table of a generation holds rows of a Kafka
// partition whose newest event is at or after an offset.
func (db *DB) HasRollups(ctx context.Context, generation int, partition int32, from int64) (bool, error) {
	return db.hasRows(ctx, rollupsTable(generation), "last_offset", partition, from)
}

func (db *DB) hasRows(ctx context.Context, table, offset string, partition int32, from int64) (bool, error) {
	var n uint64
	err := db.conn.QueryRow(ctx, "SELECT count() FROM (SELECT 1 FROM "+table+" WHERE kafka_partition = ? AND "+offset+" >= ? LIMIT 1)", partition, from).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for rows in %s: %w", table, err)
	}
	return n > 0, nil
}
