package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"weir/schemas"
)

// Acknowledgement says that a finding is known, and why. Its kind tells which of
// the offsets of a partition, the seqs of a node and the request ids it covers.
type Acknowledgement struct {
	At     time.Time
	Reason string
	Kind   string

	Topic                   schemas.Topic
	Partition               int32
	FirstOffset, LastOffset int64
	Node                    string
	Seqs                    SeqRange
	RequestIDs              []string
}

// SaveAcknowledgements stores all of them or none.
func (db *DB) SaveAcknowledgements(ctx context.Context, list []Acknowledgement) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	batch, err := db.conn.PrepareBatch(ctx, `INSERT INTO audit_acknowledgements
		(acknowledged_at, reason, kind, topic, partition, first_offset, last_offset, node, first_seq, last_seq, request_ids)`)
	if err != nil {
		return fmt.Errorf("save acknowledgements: %w", err)
	}
	for _, a := range list {
		err := batch.Append(a.At, a.Reason, a.Kind, string(a.Topic), a.Partition, a.FirstOffset, a.LastOffset, a.Node, a.Seqs.First, a.Seqs.Last, a.RequestIDs)
		if err != nil {
			_ = batch.Abort()
			return fmt.Errorf("save acknowledgements: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("save acknowledgements: %w", err)
	}
	return nil
}

// Acknowledgements returns what is acknowledged, the oldest first.
func (db *DB) Acknowledgements(ctx context.Context) ([]Acknowledgement, error) {
	rows, err := db.conn.Query(auditContext(ctx), `SELECT acknowledged_at, reason, toString(kind), toString(topic), partition,
			first_offset, last_offset, toString(node), first_seq, last_seq, request_ids
		FROM audit_acknowledgements
		ORDER BY acknowledged_at, kind, topic, partition, first_offset, node, first_seq, request_ids`)
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	var list []Acknowledgement
	err = each(rows, func() error {
		var a Acknowledgement
		var topic string
		err := rows.Scan(&a.At, &a.Reason, &a.Kind, &topic, &a.Partition, &a.FirstOffset, &a.LastOffset, &a.Node, &a.Seqs.First, &a.Seqs.Last, &a.RequestIDs)
		a.Topic = schemas.Topic(topic)
		list = append(list, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	return list, nil
}

// DeleteAcknowledgements removes those of the given kinds and returns when none
// of them is seen any more.
func (db *DB) DeleteAcknowledgements(ctx context.Context, kinds []string) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"lightweight_deletes_sync": 2}))
	if err := db.conn.Exec(ctx, "DELETE FROM audit_acknowledgements WHERE kind IN (?)", kinds); err != nil {
		return fmt.Errorf("delete acknowledgements: %w", err)
	}
	return nil
}
