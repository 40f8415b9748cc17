package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Generations are the copies of the rollups in a database. Each lies in a table
// of its own, rollups_<n>; the view rollups reads from one of them, and every
// view that people use reads from that view.
type Generations struct {
	// Active is what the views read.
	Active int
	// Tables are the generations that have a table, ascending.
	Tables []int
	// Known is the greatest generation that anything is known of: a table, or a
	// checkpoint of one that was dropped.
	Known int
}

// Has tells whether a generation has a table.
func (g Generations) Has(generation int) bool { return slices.Contains(g.Tables, generation) }

// rollupsTable is the table of a generation.
func rollupsTable(generation int) string { return "rollups_" + strconv.Itoa(generation) }

// activeTable finds the generation in the definition of the view rollups.
var activeTable = regexp.MustCompile("(?i)\\bFROM +[`\"]?(?:[A-Za-z0-9_]+[`\"]?\\.[`\"]?)?rollups_([1-9][0-9]{0,8})\\b")

// ActiveGeneration returns the generation that the views read. It is written in
// the definition of the view rollups and nowhere else.
func (db *DB) ActiveGeneration(ctx context.Context) (int, error) {
	var definitions []string
	err := db.conn.QueryRow(ctx, "SELECT groupArray(as_select) FROM system.tables WHERE database = ? AND name = 'rollups'", db.database).Scan(&definitions)
	if err != nil {
		return 0, fmt.Errorf("read the definition of %s.rollups: %w", db.database, err)
	}
	if len(definitions) == 0 {
		return 0, fmt.Errorf("the view %s.rollups is missing; run `ingest migrate`", db.database)
	}
	found := activeTable.FindStringSubmatch(definitions[0])
	if found == nil {
		return 0, fmt.Errorf("the view %s.rollups reads from no table rollups_<n>: %q", db.database, definitions[0])
	}
	return strconv.Atoi(found[1])
}

// Generations returns which generations there are.
func (db *DB) Generations(ctx context.Context) (g Generations, err error) {
	if g.Active, err = db.ActiveGeneration(ctx); err != nil {
		return g, err
	}
	var tables []int32
	err = db.conn.QueryRow(ctx, `SELECT arraySort(groupArray(toInt32(extract(name, '^rollups_([1-9][0-9]{0,8})$')))) FROM system.tables
		WHERE database = ? AND match(name, '^rollups_[1-9][0-9]{0,8}$')`, db.database).Scan(&tables)
	if err != nil {
		return g, fmt.Errorf("list the tables of the rollups: %w", err)
	}
	for _, n := range tables {
		g.Tables = append(g.Tables, int(n))
	}
	var known int32
	if err := db.conn.QueryRow(ctx, "SELECT max(generation) FROM progress").Scan(&known); err != nil {
		return g, fmt.Errorf("read the generations of progress: %w", err)
	}
	g.Known = max(int(known), g.Active, slices.Max(append(g.Tables, 0)))
	return g, nil
}

// LockGenerations runs fn while no other process is in LockGenerations of this
// database. The context of fn ends when the lock is lost.
func (db *DB) LockGenerations(ctx context.Context, fn func(ctx context.Context) error) error {
	ctx, held, err := acquireLock(ctx, db.conn, "weir-generations-"+db.database)
	if err != nil {
		return err
	}
	defer held.release()
	return fn(ctx)
}

// CreateGeneration makes the table of a generation with the structure, engine,
// TTL and settings of another one's. It may run twice.
func (db *DB) CreateGeneration(ctx context.Context, generation, like int) error {
	if err := db.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+rollupsTable(generation)+" AS "+rollupsTable(like)); err != nil {
		return fmt.Errorf("create %s: %w", rollupsTable(generation), err)
	}
	return nil
}

// ErrOtherGeneration is in the error of a switch that something else came before.
var ErrOtherGeneration = errors.New("the views read another generation than expected")

// SwitchGeneration makes every view read another generation at once: a query
// sees either all of the old one or all of the new one. Switching to what is
// active does nothing; when the active one is neither, it is ErrOtherGeneration.
func (db *DB) SwitchGeneration(ctx context.Context, from, to int) error {
	return db.LockGenerations(ctx, func(ctx context.Context) error {
		active, err := db.ActiveGeneration(ctx)
		switch {
		case err != nil:
			return err
		case active == to:
			return nil
		case active != from:
			return fmt.Errorf("switch from generation %d to %d: %w: %d", from, to, ErrOtherGeneration, active)
		}
		if err := db.conn.Exec(ctx, "CREATE OR REPLACE VIEW rollups AS SELECT * FROM "+rollupsTable(to)); err != nil {
			return fmt.Errorf("switch to generation %d: %w", to, err)
		}
		return nil
	})
}

// DropGeneration drops the table of a generation that no view reads. A table
// that is gone already is no error.
func (db *DB) DropGeneration(ctx context.Context, generation int) error {
	return db.LockGenerations(ctx, func(ctx context.Context) error {
		active, err := db.ActiveGeneration(ctx)
		switch {
		case err != nil:
			return err
		case active == generation:
			return fmt.Errorf("generation %d is what the views read; switch to another one first", generation)
		}
		// The server asks for a file before it drops 50 GB: whoever names a
		// generation has made up their mind.
		ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_table_size_to_drop": 0}))
		if err := db.conn.Exec(ctx, "DROP TABLE IF EXISTS "+rollupsTable(generation)+" SYNC"); err != nil {
			return fmt.Errorf("drop %s: %w", rollupsTable(generation), err)
		}
		return nil
	})
}
