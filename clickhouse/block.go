package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// A block is the rows of one INSERT, column by column.
type block struct {
	table   string
	columns []field
}

// field is a column with the name and the type that the table must give it.
type field struct {
	name   string
	chType string
	data   column
}

func (b *block) rows() int { return b.columns[0].data.rows() }

// Grow makes room for so many rows more.
func (b *block) Grow(rows int) {
	for _, f := range b.columns {
		f.data.grow(rows)
	}
}

// copyRows appends the given rows of a block with the same columns.
func (b *block) copyRows(src *block, rows []int) {
	for i := range b.columns {
		for _, row := range rows {
			b.columns[i].data.copyRows(src.columns[i].data, row, row+1)
		}
	}
}

func (b *block) statement() string {
	quoted := make([]string, len(b.columns))
	for i, f := range b.columns {
		quoted[i] = "`" + f.name + "`"
	}
	return "INSERT INTO " + b.table + " (" + strings.Join(quoted, ", ") + ")"
}

// insertSettings are what a deduplication token needs in order to be worth
// something, whatever the server's or the user's profile says.
func insertSettings(token string) clickhouse.Settings {
	return clickhouse.Settings{
		"async_insert":       0, // 26.7 defaults to 1, which would merge blocks of several inserts
		"insert_deduplicate": 1,
		// Rows of one key were added up before: to look for more of them on the
		// way into the table costs the server more than the insert does.
		"optimize_on_insert":         0,
		"insert_deduplication_token": token,
		// A batch that is read after a long silence can touch many days, and
		// one that is refused for it would be refused for ever. The number of
		// its rows bounds the parts it makes.
		"max_partitions_per_insert_block": 0,
	}
}

// insert sends the rows as one native block of one INSERT. The block stays as
// it was. Errors: the token is empty, the table's columns differ, whatever the
// server says; after an error the rows may have landed or not.
func (db *DB) insert(ctx context.Context, token string, b *block) error {
	if token == "" {
		return fmt.Errorf("insert into %s: the deduplication token is empty", b.table)
	}
	if b.rows() == 0 {
		return nil
	}
	select {
	case db.inserting <- struct{}{}:
		defer func() { <-db.inserting }()
	case <-ctx.Done():
		return fmt.Errorf("insert into %s: wait for a turn: %w", b.table, ctx.Err())
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(token)))
	batch, err := db.conn.PrepareBatch(ctx, b.statement())
	if err != nil {
		return fmt.Errorf("insert into %s: %w", b.table, err)
	}
	columns := batch.Columns()
	var (
		scratch []byte
		source  bytes.Reader
		reader  = proto.NewReader(&source)
	)
	for i, f := range b.columns {
		if got := string(columns[i].Type()); got != f.chType {
			_ = batch.Abort()
			return fmt.Errorf("insert into %s: column %s is %s, expected %s; run `ingest migrate`", b.table, f.name, got, f.chType)
		}
		scratch = f.data.encode(scratch[:0])
		source.Reset(scratch)
		if err := columns[i].Decode(reader, f.data.rows()); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("encode column %s.%s: %w", b.table, f.name, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s: %w", b.table, err)
	}
	return nil
}
