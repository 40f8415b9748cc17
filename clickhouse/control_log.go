package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ControlRow is a record of the control log as people read it.
type ControlRow struct {
	Offset   int64
	Occurred time.Time // by the writer's clock
	Appended time.Time // by Kafka's
	// OrgID, Kind and EntityID name what is changed: "org_1", "key", "key_1".
	OrgID, Kind, EntityID string
	// Expected is the version at which the writer saw the entity, Version the one
	// at which it stands after the record.
	Expected, Version uint64
	// Accepted is the fold's verdict. A Repeated command got the verdict of its
	// first record and changed nothing.
	Accepted, Repeated, Deleted bool
	Actor, RequestID, CommandID string
	// Change is the entity's new value as JSON, without what is secret.
	Change string
}

// ControlBlock is rows of the control log.
type ControlBlock struct {
	block
	offset                      numbers[int64]
	occurred, appended          numbers[int64]
	org, kind                   names
	entity                      text
	expected, version           numbers[uint64]
	accepted, repeated, deleted flags
	actor                       names
	request, command, change    text
	commands                    []string // command, as texts
}

// NewControlBlock returns an empty block.
func NewControlBlock() *ControlBlock {
	b := new(ControlBlock)
	b.block = block{table: "control_log_rows", columns: []field{
		{"kafka_offset", "Int64", &b.offset},
		{"occurred_at", typeTime, &b.occurred},
		{"appended_at", "DateTime64(3, 'UTC')", &b.appended},
		{"org_id", typeName, &b.org},
		{"kind", typeName, &b.kind},
		{"entity_id", "String", &b.entity},
		{"expected_version", "UInt64", &b.expected},
		{"version", "UInt64", &b.version},
		{"accepted", "Bool", &b.accepted},
		{"repeated", "Bool", &b.repeated},
		{"deleted", "Bool", &b.deleted},
		{"actor", typeName, &b.actor},
		{"request_id", "String", &b.request},
		{"command_id", "String", &b.command},
		{"change", "String", &b.change},
	}}
	return b
}

// Append adds a row.
func (b *ControlBlock) Append(r *ControlRow) {
	b.offset.add(r.Offset)
	b.occurred.add(r.Occurred.UnixMicro())
	b.appended.add(r.Appended.UnixMilli())
	b.org.add(r.OrgID)
	b.kind.add(r.Kind)
	b.entity.add(r.EntityID)
	b.expected.add(r.Expected)
	b.version.add(r.Version)
	b.accepted.add(r.Accepted)
	b.repeated.add(r.Repeated)
	b.deleted.add(r.Deleted)
	b.actor.add(r.Actor)
	b.request.add(r.RequestID)
	b.command.add(r.CommandID)
	b.change.add(r.Change)
	b.commands = append(b.commands, r.CommandID)
}

// Rows is the number of rows in the block.
func (b *ControlBlock) Rows() int { return b.rows() }

// ErrOtherLog says that the table's rows are those of another log.
var ErrOtherLog = errors.New("the table holds another record at an offset of the log")

// WriteControlLog writes the rows of the block that the table does not hold. It
// may be repeated, by any number of writers at once: rows of one offset are the
// same and read as one. Nothing rests on a deduplication token, which a server
// that was killed may remember without its rows. ErrOtherLog: the offset holds
// another command than the block's.
func (db *DB) WriteControlLog(ctx context.Context, b *ControlBlock) error {
	if b.Rows() == 0 {
		return nil
	}
	first, last := slices.Min(b.offset.values), slices.Max(b.offset.values)
	rows, err := db.conn.Query(ctx, "SELECT kafka_offset, command_id FROM control_log_rows WHERE kafka_offset BETWEEN ? AND ?", first, last)
	if err != nil {
		return fmt.Errorf("read control_log: %w", err)
	}
	held := make(map[int64]string)
	err = each(rows, func() error {
		var offset int64
		var command string
		err := rows.Scan(&offset, &command)
		held[offset] = command
		return err
	})
	if err != nil {
		return fmt.Errorf("read control_log: %w", err)
	}
	missing := NewControlBlock()
	for row, offset := range b.offset.values {
		switch command, ok := held[offset]; {
		case !ok:
			missing.copyRows(&b.block, []int{row})
		case command != b.commands[row]:
			return fmt.Errorf("control_log offset %d: %w: command %q, the log has %q", offset, ErrOtherLog, command, b.commands[row])
		}
	}
	return db.insert(ctx, fmt.Sprintf("control_log/%d-%d", first, last), &missing.block)
}
