package clickhouse

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/clickhouse/enginetest"
)

// server is shared by all tests of the package, each with a database of its own.
var server *enginetest.Server

func TestMain(m *testing.M) {
	beChild()
	os.Exit(enginetest.Run(m, &server))
}

func testConfig(t *testing.T) Config {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Addr = server.Addr()
	cfg.Database = "t_" + regexp.MustCompile(`\W+`).ReplaceAllString(t.Name(), "_")
	return cfg
}

// openMigrated returns a pool on a new database with all tables.
func openMigrated(t *testing.T) *DB {
	t.Helper()
	cfg := testConfig(t)
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return openDB(t, cfg)
}

func openDB(t *testing.T, cfg Config) *DB {
	t.Helper()
	db, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t *testing.T, db *DB, query string, args ...any) {
	t.Helper()
	if err := db.conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// query returns the rows as text, the values of a row separated by "|".
func query(t *testing.T, db *DB, statement string, args ...any) []string {
	t.Helper()
	rows, err := db.conn.Query(t.Context(), "SELECT arrayStringConcat(arrayMap(x -> toString(x), [*]), '|') FROM (SELECT * APPLY(x -> toString(x)) FROM ("+statement+"))", args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return lines
}

// only is query for a single row.
func only(t *testing.T, db *DB, statement string, args ...any) string {
	t.Helper()
	lines := query(t, db, statement, args...)
	if len(lines) != 1 {
		t.Fatalf("%s: got %d rows %v, want one", statement, len(lines), lines)
	}
	return lines[0]
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func token(t *testing.T, n int) string { return fmt.Sprintf("%s/%d", strings.ToLower(t.Name()), n) }
