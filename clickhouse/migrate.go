package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/golang-migrate/migrate/v4"
	chmigrate "github.com/golang-migrate/migrate/v4/database/clickhouse"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

// migrations holds one statement a file, each of which may run twice: CREATE …
// IF NOT EXISTS, CREATE OR REPLACE, ALTER … IF [NOT] EXISTS.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the database to the newest schema, creates it where it does
// not exist, and applies the configured retention. Any number of processes may
// call it at once: one works, the others wait and find nothing to do. A process
// that is killed in the middle leaves a statement that the next one repeats.
func Migrate(ctx context.Context, cfg Config) (err error) {
	options, err := cfg.options()
	if err != nil {
		return err
	}
	// The database may not exist yet, and its lock must not depend on it.
	server := *options
	server.Auth.Database = "default"
	conn, err := clickhouse.Open(&server)
	if err != nil {
		return fmt.Errorf("open clickhouse %s: %w", cfg.Addr, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("reach clickhouse at %s: %w", cfg.Addr, err)
	}
	ctx, held, err := acquireLock(ctx, conn, "weir-migrate-"+cfg.Database)
	if err != nil {
		return err
	}
	defer held.release()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+cfg.Database); err != nil {
		return fmt.Errorf("create database %s: %w", cfg.Database, err)
	}
	if err := applyMigrations(ctx, options); err != nil {
		return fmt.Errorf("migrate database %s: %w", cfg.Database, err)
	}
	return applyRetention(ctx, conn, cfg)
}

func applyMigrations(ctx context.Context, options *clickhouse.Options) (err error) {
	files, err := iofs.New(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	versions := *options
	// A version is read back at once; the default, asynchronous, would also wait
	// a fifth of a second for each.
	versions.Settings = clickhouse.Settings{"async_insert": 0}
	db := clickhouse.OpenDB(&versions)
	target, err := chmigrate.WithInstance(db, &chmigrate.Config{
		DatabaseName:          options.Auth.Database,
		MigrationsTableEngine: "MergeTree", // the default, TinyLog, does not survive a kill
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	m, err := migrate.NewWithInstance("iofs", files, "clickhouse", target)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer func() {
		sourceErr, targetErr := m.Close()
		err = errors.Join(err, sourceErr, targetErr)
	}()
	if err := redoInterrupted(m, files); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
	defer stop()
	if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return err
	}
	return context.Cause(ctx)
}

// redoInterrupted sets a version that was begun and never finished back to the
// one before it, so that its statement, which may run twice, runs again.
func redoInterrupted(m *migrate.Migrate, files source.Driver) error {
	version, dirty, err := m.Version()
	switch {
	case errors.Is(err, migrate.ErrNilVersion):
		return nil
	case err != nil:
		return fmt.Errorf("read schema version: %w", err)
	case !dirty:
		return nil
	}
	before := -1 // golang-migrate's name for "nothing applied"
	previous, err := files.Prev(version)
	switch {
	case err == nil:
		before = int(previous)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look up the migration before %d: %w", version, err)
	}
	if err := m.Force(before); err != nil {
		return fmt.Errorf("set schema version back to %d: %w", before, err)
	}
	return nil
}

// applyRetention gives the facts the time that they are kept. Setting the TTL
// that a table already has costs nothing; a shorter one is applied to what is
// there in the background.
func applyRetention(ctx context.Context, conn driver.Conn, cfg Config) error {
	for _, table := range []string{"requests", "responses", "usage"} {
		name := cfg.Database + "." + table
		var hasTTL bool
		err := conn.QueryRow(ctx, "SELECT position(create_table_query, ' TTL ') > 0 FROM system.tables WHERE database = ? AND name = ?",
			cfg.Database, table).Scan(&hasTTL)
		if err != nil {
			return fmt.Errorf("read retention of %s: %w", name, err)
		}
		change := ""
		switch {
		case cfg.RetentionMonths > 0:
			change = fmt.Sprintf("MODIFY TTL toDateTime(occurred_at) + INTERVAL %d MONTH", cfg.RetentionMonths)
		case hasTTL:
			change = "REMOVE TTL"
		default:
			continue
		}
		if err := conn.Exec(ctx, "ALTER TABLE "+name+" "+change); err != nil {
			return fmt.Errorf("set retention of %s: %w", name, err)
		}
	}
	return nil
}
