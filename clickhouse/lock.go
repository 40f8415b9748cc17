package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// queryAlreadyRuns is ClickHouse's QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING.
const queryAlreadyRuns = 216

// lockRetry is how long a process waits before it asks for the lock again.
const lockRetry = 200 * time.Millisecond

// A lock is a query that runs on the server for as long as it is held. The
// server refuses a second query of the same id, which excludes other processes,
// and ends a query whose connection is gone, which frees the lock of a process
// that was killed. Nothing is left behind that somebody would have to judge as
// stale. It excludes on one server; replicas are each migrated through their
// own.
type lock struct {
	rows   driver.Rows
	cancel context.CancelFunc
	ended  chan struct{} // closed when the query has ended
}

// acquireLock waits until no other process holds the lock of the name. The
// context that comes back ends when the lock is lost, or with ctx.
func acquireLock(ctx context.Context, conn driver.Conn, name string) (context.Context, *lock, error) {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		held, l, err := tryLock(ctx, conn, name)
		if err == nil {
			return held, l, nil
		}
		var refused *clickhouse.Exception
		if !errors.As(err, &refused) || refused.Code != queryAlreadyRuns {
			return nil, nil, fmt.Errorf("take the lock %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("wait for the lock %s, which another process holds: %w", name, context.Cause(ctx))
		case <-retry.C:
		}
	}
}

func tryLock(ctx context.Context, conn driver.Conn, name string) (context.Context, *lock, error) {
	ctx, cancel := context.WithCancel(ctx)
	query := clickhouse.Context(ctx, clickhouse.WithQueryID(name), clickhouse.WithSettings(clickhouse.Settings{
		// One row a block, a block every fifth of a second: the first one says
		// that the lock is held, and a dead client is noticed by the next.
		"max_block_size":        1,
		"max_execution_time":    0,
		"replace_running_query": 0,
		"interactive_delay":     100_000, // µs between looks at the connection
		"max_threads":           1,
	}))
	rows, err := conn.Query(query, "SELECT sleepEachRow(0.2) FROM system.numbers")
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if !rows.Next() {
		err := rows.Err()
		cancel()
		_ = rows.Close()
		if err == nil {
			err = errors.New("the query that holds the lock ended at once")
		}
		return nil, nil, err
	}
	l := &lock{rows: rows, cancel: cancel, ended: make(chan struct{})}
	go func() { // owns rows until the query ends
		defer close(l.ended)
		defer cancel()
		for rows.Next() {
		}
	}()
	return ctx, l, nil
}

// release ends the query and returns when it has ended on this side; the server
// notices within its next look at the connection.
func (l *lock) release() {
	l.cancel()
	<-l.ended
	_ = l.rows.Close()
}
