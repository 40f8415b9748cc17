package clickhouse

import (
	"context"
	"fmt"
	"time"
)

// NodeActivity is what the ledger tables hold of a node.
type NodeActivity struct {
	Events  uint64
	LastSeq uint64
	LastAt  time.Time // of its newest event, by the node's clock
}

// NodeActivity looks a node up in the ledger tables; Events is 0 for one that is
// not known.
func (db *DB) NodeActivity(ctx context.Context, node string) (NodeActivity, error) {
	var a NodeActivity
	err := db.conn.QueryRow(auditContext(ctx), `SELECT count(), max(seq), max(occurred_at) FROM (
		SELECT seq, occurred_at FROM requests WHERE node = ? UNION ALL
		SELECT seq, occurred_at FROM responses WHERE node = ? UNION ALL
		SELECT seq, occurred_at FROM usage WHERE node = ?)`, node, node, node).Scan(&a.Events, &a.LastSeq, &a.LastAt)
	if err != nil {
		return a, fmt.Errorf("look up node %s: %w", node, err)
	}
	return a, nil
}

// OpenCall is a request without its whole outcome, and where it lies in the log.
type OpenCall struct {
	RequestID           string
	Partition           int32
	Offset              int64
	Responded, Recorded bool
}

// OpenCalls returns the calls of a node that lack an outcome or a usage. What the
// node closer has written does not count.
func (db *DB) OpenCalls(ctx context.Context, node, closer string) ([]OpenCall, error) {
	// Nearly all calls are closed by their own node: the rest is few enough to be
	// looked for among the events of all others.
	rows, err := db.conn.Query(auditContext(ctx), `
		WITH own AS (
			SELECT request_id, kafka_partition, kafka_offset FROM requests WHERE node = ? AND (
				request_id NOT IN (SELECT request_id FROM responses WHERE node = ?) OR
				request_id NOT IN (SELECT request_id FROM usage WHERE node = ?)))
		SELECT request_id, kafka_partition, kafka_offset,
			request_id IN (SELECT request_id FROM responses WHERE node != ? AND request_id IN (SELECT request_id FROM own)) AS responded,
			request_id IN (SELECT request_id FROM usage WHERE node != ? AND request_id IN (SELECT request_id FROM own)) AS recorded
		FROM own WHERE NOT (responded AND recorded) ORDER BY kafka_partition, kafka_offset`,
		node, node, node, closer, closer)
	if err != nil {
		return nil, fmt.Errorf("look for open calls of node %s: %w", node, err)
	}
	var list []OpenCall
	err = each(rows, func() error {
		var c OpenCall
		var responded, recorded uint8
		err := rows.Scan(&c.RequestID, &c.Partition, &c.Offset, &responded, &recorded)
		c.Responded, c.Recorded = responded != 0, recorded != 0
		list = append(list, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for open calls of node %s: %w", node, err)
	}
	return list, nil
}
