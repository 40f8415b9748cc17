package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is a pool of connections to one database.
type DB struct {
	conn            driver.Conn
	database        string
	retentionMonths int
	// inserting holds a token for each insert under way: the encoded blocks are
	// what takes memory, and the pool gives up on those that wait for a connection.
	inserting chan struct{}
}

// maxInserts is how many inserts run at once; others wait for their turn.
const maxInserts = 16

// Open prepares a pool. It makes no connection yet, so that a service starts
// while ClickHouse is away; errors are those of the configuration.
func Open(cfg Config) (*DB, error) {
	o, err := cfg.options()
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse %s: %w", cfg.Addr, err)
	}
	return &DB{
		conn: conn, database: cfg.Database, retentionMonths: cfg.RetentionMonths,
		inserting: make(chan struct{}, maxInserts),
	}, nil
}

// Ping tells whether the server answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.conn.Ping(ctx); err != nil {
		return fmt.Errorf("ping clickhouse: %w", err)
	}
	return nil
}

// Database is the name of the database that the tables are in.
func (db *DB) Database() string { return db.database }

// Close ends the connections.
func (db *DB) Close() error { return db.conn.Close() }
