package clickhouse

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"weir/schemas"
)

// SegmentOffsets is how many offsets of a partition the audit sums up together.
const SegmentOffsets = 1 << 16

// SegmentID names a segment of a partition: the offsets [Segment*SegmentOffsets,
// (Segment+1)*SegmentOffsets).
type SegmentID struct {
	Topic     schemas.Topic
	Partition int32
	Segment   int64
}

// SegmentSum is how many events, and the sum of their hashes.
type SegmentSum struct {
	Events, Checksum uint64
}

// Add counts an event.
func (s *SegmentSum) Add(offset int64, node string, seq uint64) {
	s.Events++
	s.Checksum += eventHash(offset, node, seq)
}

// Remove takes an event out again.
func (s *SegmentSum) Remove(offset int64, node string, seq uint64) {
	s.Events--
	s.Checksum -= eventHash(offset, node, seq)
}

// Plus adds the sums of two sets of events.
func (s SegmentSum) Plus(o SegmentSum) SegmentSum {
	return SegmentSum{s.Events + o.Events, s.Checksum + o.Checksum}
}

// offsetFactor and nodeFactor part offset, node and seq in one word before it is
// hashed.
const (
	offsetFactor = 0x9E3779B97F4A7C15
	nodeFactor   = 0xC2B2AE3D27D4EB4F
)

// eventHash is ClickHouse's intHash64 of what identifies an event; its twin in
// SQL is in FactSums.
func eventHash(offset int64, node string, seq uint64) uint64 {
	x := uint64(offset)*offsetFactor + uint64(crc32.ChecksumIEEE([]byte(node)))*nodeFactor + seq
	x ^= 0x4CF2D2BAAE6DA887
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// auditContext bounds what a query of the audit takes from those of others.
func auditContext(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_threads":                    1,
		"max_memory_usage":               2_000_000_000,
		"max_bytes_before_external_sort": 500_000_000,
		"max_block_size":                 16_384,
	}))
}

// factTable is the table of a ledger topic.
func factTable(t schemas.Topic) (string, error) {
	b, err := NewFactBlock(t)
	if err != nil {
		return "", err
	}
	return b.shared().table, nil
}

// below is the SQL of the first offset of each partition that is not looked at;
// partitions that are not named have none that is.
func below(upto map[int32]int64) string {
	last := int32(-1)
	for p := range upto {
		last = max(last, p)
	}
	list := "[toInt64(0)"
	for p := range last + 1 {
		list += fmt.Sprintf(", %d", upto[p])
	}
	// An index past the end gives 0.
	return list + "][kafka_partition + 2]"
}

// FactSums sums up the rows of a topic's table by segment, those of offsets below
// upto of their partition.
func (db *DB) FactSums(ctx context.Context, t schemas.Topic, upto map[int32]int64) (map[SegmentID]SegmentSum, error) {
	table, err := factTable(t)
	if err != nil {
		return nil, err
	}
	rows, err := db.conn.Query(auditContext(ctx), fmt.Sprintf(`
		SELECT bitOr(bitShiftLeft(toUInt64(kafka_partition), 48), toUInt64(bitShiftRight(kafka_offset, 16))) AS segment, count(),
			sum(intHash64(toUInt64(kafka_offset) * toUInt64(%d) + toUInt64(CRC32(node)) * toUInt64(%d) + seq))
		FROM %s WHERE kafka_offset < %s
		GROUP BY segment`, uint64(offsetFactor), uint64(nodeFactor), table, below(upto)))
	if err != nil {
		return nil, fmt.Errorf("sum up %s: %w", table, err)
	}
	sums := make(map[SegmentID]SegmentSum)
	err = each(rows, func() error {
		var segment uint64
		var s SegmentSum
		if err := rows.Scan(&segment, &s.Events, &s.Checksum); err != nil {
			return err
		}
		sums[SegmentID{t, int32(segment >> 48), int64(segment & (1<<48 - 1))}] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sum up %s: %w", table, err)
	}
	return sums, nil
}

// each calls fn for every row and closes them.
func each(rows driver.Rows, fn func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// FactRow is what identifies a row of a fact table.
type FactRow struct {
	Offset int64
	Node   string
	Seq    uint64
}

// FactRows returns the rows of the offsets [from, to) of a partition in the order
// of their offsets.
func (db *DB) FactRows(ctx context.Context, t schemas.Topic, partition int32, from, to int64) ([]FactRow, error) {
	table, err := factTable(t)
	if err != nil {
		return nil, err
	}
	rows, err := db.conn.Query(auditContext(ctx), `SELECT kafka_offset, toString(node), seq FROM `+table+`
		WHERE kafka_partition = ? AND kafka_offset >= ? AND kafka_offset < ? ORDER BY kafka_offset`, partition, from, to)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", table, err)
	}
	var list []FactRow
	err = each(rows, func() error {
		var r FactRow
		err := rows.Scan(&r.Offset, &r.Node, &r.Seq)
		list = append(list, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", table, err)
	}
	return list, nil
}

// RequestsAt calls fn with the request id of every row of a partition whose offset
// lies in one of the ranges [first[i], last[i]], of which there must be one.
func (db *DB) RequestsAt(ctx context.Context, t schemas.Topic, partition int32, first, last []int64, fn func(requestID string)) error {
	table, err := factTable(t)
	if err != nil {
		return err
	}
	rows, err := db.conn.Query(auditContext(ctx), `SELECT request_id FROM `+table+`
		WHERE kafka_partition = ? AND kafka_offset BETWEEN ? AND ? AND arrayExists((f, l) -> kafka_offset BETWEEN f AND l, ?, ?)`,
		partition, slices.Min(first), slices.Max(last), first, last)
	if err != nil {
		return fmt.Errorf("read request ids of %s: %w", table, err)
	}
	err = each(rows, func() error {
		var id string
		err := rows.Scan(&id)
		fn(id)
		return err
	})
	if err != nil {
		return fmt.Errorf("read request ids of %s: %w", table, err)
	}
	return nil
}

// DeleteFacts removes every row of the given offsets of a partition and returns
// when none of them is seen any more.
func (db *DB) DeleteFacts(ctx context.Context, t schemas.Topic, partition int32, offsets []int64) error {
	table, err := factTable(t)
	if err != nil {
		return err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"lightweight_deletes_sync": 2}))
	if err := db.conn.Exec(ctx, "DELETE FROM "+table+" WHERE kafka_partition = ? AND kafka_offset IN (?)", partition, offsets); err != nil {
		return fmt.Errorf("delete rows of %s: %w", table, err)
	}
	return nil
}

// ledgerSeqs are the numbers of all rows of the ledger tables.
const ledgerSeqs = `(SELECT node, seq FROM requests UNION ALL SELECT node, seq FROM responses UNION ALL SELECT node, seq FROM usage)`

// NodeSeqs is what the ledger tables hold of a node.
type NodeSeqs struct {
	Rows     uint64 // of all three tables
	Distinct uint64 // different seqs
	Within   uint64 // different seqs in the range that was asked for
	Last     uint64 // the greatest
}

// SeqRange is the numbers [First, Last] of a node.
type SeqRange struct{ First, Last uint64 }

// NodeSeqs counts the numbers of each node over the three ledger tables, and how
// many of its range are there.
func (db *DB) NodeSeqs(ctx context.Context, ranges map[string]SeqRange) (map[string]NodeSeqs, error) {
	names, first, last := []string{""}, []uint64{0}, []uint64{0}
	for node, r := range ranges {
		names, first, last = append(names, node), append(first, r.First), append(last, r.Last)
	}
	rows, err := db.conn.Query(auditContext(ctx), `
		SELECT toString(node) AS name, events, bitmapCardinality(seqs), last,
			bitmapCardinality(bitmapSubsetInRange(seqs, transform(name, ?, ?, toUInt64(0)), transform(name, ?, ?, toUInt64(0)) + 1))
		FROM (SELECT node, count() AS events, max(seq) AS last, groupBitmapState(seq) AS seqs FROM `+ledgerSeqs+` GROUP BY node)`, names, first, names, last)
	if err != nil {
		return nil, fmt.Errorf("count seqs: %w", err)
	}
	found := make(map[string]NodeSeqs)
	err = each(rows, func() error {
		var node string
		var s NodeSeqs
		err := rows.Scan(&node, &s.Rows, &s.Distinct, &s.Last, &s.Within)
		found[node] = s
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count seqs: %w", err)
	}
	return found, nil
}

// MissingSeqs returns the numbers of a node's range that no ledger table holds,
// at most limit ranges.
func (db *DB) MissingSeqs(ctx context.Context, node string, within SeqRange, limit int) ([]SeqRange, error) {
	rows, err := db.conn.Query(auditContext(ctx), `
		SELECT toUInt64(before + 1), toUInt64(seq - 1) FROM (
			SELECT seq, lagInFrame(seq, 1, toUInt64(?)) OVER (ORDER BY seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
			FROM (SELECT DISTINCT seq FROM `+ledgerSeqs+` WHERE node = ? AND seq BETWEEN ? AND ? UNION ALL SELECT toUInt64(?))
		) WHERE seq > before + 1 ORDER BY seq LIMIT ?`,
		within.First-1, node, within.First, within.Last, within.Last+1, limit)
	if err != nil {
		return nil, fmt.Errorf("look for missing seqs of node %s: %w", node, err)
	}
	var list []SeqRange
	err = each(rows, func() error {
		var r SeqRange
		err := rows.Scan(&r.First, &r.Last)
		list = append(list, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for missing seqs of node %s: %w", node, err)
	}
	return list, nil
}

// RetentionStart is the time from which on the facts are kept, zero when they
// are kept for ever.
func (db *DB) RetentionStart(now time.Time) time.Time {
	if db.retentionMonths == 0 {
		return time.Time{}
	}
	return now.AddDate(0, -db.retentionMonths, 0)
}
