package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"weir/schemas"
)

// Segment is what the audit keeps of the events of one node in a segment of the
// log.
type Segment struct {
	SegmentID
	SegmentSum
	Node    string
	LastSeq uint64 // the greatest of the node
	// Appended is the least append time of its events.
	Appended time.Time
}

// SaveSegments stores segments; storing one again does no harm.
func (db *DB) SaveSegments(ctx context.Context, segments []Segment) error {
	if len(segments) == 0 {
		return nil
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO audit_segments (topic, partition, segment, node, events, checksum, last_seq, appended_first)")
	if err != nil {
		return fmt.Errorf("save segments: %w", err)
	}
	for _, s := range segments {
		if err := batch.Append(string(s.Topic), s.Partition, s.Segment, s.Node, s.Events, s.Checksum, s.LastSeq, s.Appended); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("save segments: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("save segments: %w", err)
	}
	return nil
}

// Segments returns the stored segments.
func (db *DB) Segments(ctx context.Context) ([]Segment, error) {
	rows, err := db.conn.Query(auditContext(ctx), `SELECT toString(topic), partition, segment, toString(node), events, checksum, last_seq, appended_first
		FROM audit_segments FINAL ORDER BY topic, partition, segment, node`)
	if err != nil {
		return nil, fmt.Errorf("read segments: %w", err)
	}
	var list []Segment
	err = each(rows, func() error {
		var s Segment
		var topic string
		err := rows.Scan(&topic, &s.Partition, &s.Segment, &s.Node, &s.Events, &s.Checksum, &s.LastSeq, &s.Appended)
		s.Topic = schemas.Topic(topic)
		list = append(list, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read segments: %w", err)
	}
	return list, nil
}

// SaveCheckpoint stores how far the audit has read the log.
func (db *DB) SaveCheckpoint(ctx context.Context, at time.Time, state string) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	if err := db.conn.Exec(ctx, "INSERT INTO audit_checkpoints (name, saved_at, state) VALUES ('log', fromUnixTimestamp64Micro(?, 'UTC'), ?)", at.UnixMicro(), state); err != nil {
		return fmt.Errorf("save the audit's checkpoint: %w", err)
	}
	return nil
}

// Checkpoint returns the newest checkpoint, "" when there is none.
func (db *DB) Checkpoint(ctx context.Context) (string, error) {
	var states []string
	err := db.conn.QueryRow(ctx, "SELECT groupArray(state) FROM (SELECT state FROM audit_checkpoints WHERE name = 'log' ORDER BY saved_at DESC LIMIT 1)").Scan(&states)
	if err != nil {
		return "", fmt.Errorf("read the audit's checkpoint: %w", err)
	}
	if len(states) == 0 {
		return "", nil
	}
	return states[0], nil
}

// AuditResult is what is kept of an audit.
type AuditResult struct {
	Started, Finished time.Time
	Full              bool
	Findings          map[string]uint64 // by kind
	Acknowledged      map[string]uint64 // by kind; not among the findings
	Dead, Open        uint64
	Report            string // JSON
}

// SaveAudit stores a result.
func (db *DB) SaveAudit(ctx context.Context, r AuditResult) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO audits (started_at, finished_at, full, findings, acknowledged, dead, open, report)")
	if err != nil {
		return fmt.Errorf("save the audit's result: %w", err)
	}
	if err := batch.Append(r.Started, r.Finished, r.Full, r.Findings, r.Acknowledged, r.Dead, r.Open, r.Report); err != nil {
		_ = batch.Abort()
		return fmt.Errorf("save the audit's result: %w", err)
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("save the audit's result: %w", err)
	}
	return nil
}

// LastAudit returns the newest result without its report, nil when there is none.
func (db *DB) LastAudit(ctx context.Context) (*AuditResult, error) {
	rows, err := db.conn.Query(ctx, "SELECT started_at, finished_at, full, findings, acknowledged, dead, open FROM audits ORDER BY started_at DESC LIMIT 1")
	if err != nil {
		return nil, fmt.Errorf("read the last audit: %w", err)
	}
	var last *AuditResult
	err = each(rows, func() error {
		last = new(AuditResult)
		return rows.Scan(&last.Started, &last.Finished, &last.Full, &last.Findings, &last.Acknowledged, &last.Dead, &last.Open)
	})
	if err != nil {
		return nil, fmt.Errorf("read the last audit: %w", err)
	}
	return last, nil
}

// LastReport returns the report of the newest result, "" when there is none.
func (db *DB) LastReport(ctx context.Context) (string, error) {
	var reports []string
	err := db.conn.QueryRow(ctx, "SELECT groupArray(report) FROM (SELECT report FROM audits ORDER BY started_at DESC LIMIT 1)").Scan(&reports)
	if err != nil {
		return "", fmt.Errorf("read the last audit's report: %w", err)
	}
	if len(reports) == 0 {
		return "", nil
	}
	return reports[0], nil
}

// LockRepair runs fn while no other process is in LockRepair of this database.
// The context of fn ends when the lock is lost.
func (db *DB) LockRepair(ctx context.Context, fn func(ctx context.Context) error) error {
	ctx, held, err := acquireLock(ctx, db.conn, "weir-repair-"+db.database)
	if err != nil {
		return err
	}
	defer held.release()
	return fn(ctx)
}
