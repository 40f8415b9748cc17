package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// insertRequests puts one key row of so many requests into a generation.
func insertRequests(t *testing.T, db *DB, generation int, requests uint64) {
	t.Helper()
	b := NewRollupBlock(generation, 0)
	b.Append(&RollupRow{Dimension: ByKey, Resolution: Day, Bucket: Day.Start(noon), OrgID: "o", Value: "k", Requests: requests})
	if err := db.InsertRollups(t.Context(), token(t, generation), b); err != nil {
		t.Fatal(err)
	}
}

func createGeneration(t *testing.T, db *DB, generation, like int) {
	t.Helper()
	if err := db.CreateGeneration(t.Context(), generation, like); err != nil {
		t.Fatal(err)
	}
}

func TestSwitchMovesEveryView(t *testing.T) {
	db := openMigrated(t)
	createGeneration(t, db, 2, 1)
	createGeneration(t, db, 2, 1)
	structure := "SELECT replaceRegexpAll(create_table_query, 'rollups_[0-9]', 'rollups') FROM system.tables WHERE database = ? AND name = ?"
	want, got := only(t, db, structure, db.Database(), "rollups_1"), only(t, db, structure, db.Database(), "rollups_2")
	if got != want || !strings.Contains(want, "TTL") || !strings.Contains(want, "non_replicated_deduplication_window") {
		t.Errorf("the new table:\n%s\nwant\n%s", got, want)
	}
	insertRequests(t, db, 1, 100)
	insertRequests(t, db, 2, 200)

	wantActive := func(active int) {
		t.Helper()
		got, err := db.Generations(t.Context())
		want := Generations{Active: active, Tables: []int{1, 2}, Known: 2}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("generations: %v (-want +got):\n%s", err, diff)
		}
		for _, view := range []string{"rollups", "spend_by_key_1d", "spend_by_key"} {
			if got := only(t, db, "SELECT sum(requests) FROM "+view); got != fmt.Sprint(100*active) {
				t.Errorf("%s reads %s requests in generation %d", view, got, active)
			}
		}
	}
	wantActive(1)
	for range 2 { // the second one finds it done
		if err := db.SwitchGeneration(t.Context(), 1, 2); err != nil {
			t.Fatal(err)
		}
		wantActive(2)
	}
	if err := db.SwitchGeneration(t.Context(), 1, 3); !errors.Is(err, ErrOtherGeneration) {
		t.Errorf("a switch that came too late: %v", err)
	}
	if err := db.DropGeneration(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "generation 2 is what the views read") {
		t.Errorf("the active generation is dropped: %v", err)
	}
	for range 2 {
		if err := db.DropGeneration(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if g, err := db.Generations(t.Context()); err != nil || g.Has(1) || !g.Has(2) {
		t.Errorf("after the drop: %+v, %v", g, err)
	}
}

// A switch meets queries at any moment: each answers with one generation.
func TestQueriesDuringSwitches(t *testing.T) {
	db := openMigrated(t)
	createGeneration(t, db, 2, 1)
	insertRequests(t, db, 1, 100)
	insertRequests(t, db, 2, 200)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	answers := make(chan uint64, 1<<16)
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				var requests uint64
				// A tenth of a second in the query, so that switches happen in its midst.
				err := db.conn.QueryRow(t.Context(), "SELECT sum(requests) FROM spend_by_key_1d WHERE sleepEachRow(0.1) = 0").Scan(&requests)
				if err != nil {
					t.Errorf("a query during a switch: %v", err)
					return
				}
				answers <- requests
			}
		})
	}
	for i := range 40 {
		if err := db.SwitchGeneration(t.Context(), 1+i%2, 2-i%2); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	readers.Wait()
	close(answers)
	seen := make(map[uint64]int)
	for requests := range answers {
		seen[requests]++
	}
	if len(seen) != 2 || seen[100] == 0 || seen[200] == 0 {
		t.Errorf("answers by their requests: %v, want some of 100 and some of 200", seen)
	}
}

// Two processes that switch to different generations: one of them comes too late.
func TestOneSwitchWins(t *testing.T) {
	db := openMigrated(t)
	var switches sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		createGeneration(t, db, i+2, 1)
		switches.Go(func() { errs[i] = db.SwitchGeneration(t.Context(), 1, i+2) })
	}
	switches.Wait()
	active, err := db.ActiveGeneration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range errs {
		if won := active == i+2; won != (err == nil) || !won && !errors.Is(err, ErrOtherGeneration) {
			t.Errorf("generation %d is active and the switch to %d says %v", active, i+2, err)
		}
	}
}

// The migration finds a database with data, and a repeat of it does not undo a
// switch.
func TestGenerationsComeToAnOldDatabase(t *testing.T) {
	cfg := testConfig(t)
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	db := openDB(t, cfg)
	insertRequests(t, db, 1, 100)
	execute(t, db, "DROP VIEW rollups")
	old, err := filepath.Glob("migrations/0000*_spend_by_*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if text, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		} else if filepath.Base(path) < "000019" {
			execute(t, db, string(text))
		}
	}
	back := func(version int, dirty bool) {
		t.Helper()
		execute(t, db, "TRUNCATE TABLE schema_migrations")
		execute(t, db, "INSERT INTO schema_migrations (version, dirty, sequence) VALUES (?, ?, 1)", version, dirty)
	}
	back(18, false)
	if _, err := db.ActiveGeneration(t.Context()); err == nil || !strings.Contains(err.Error(), "ingest migrate") {
		t.Errorf("without the view: %v", err)
	}
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if got := only(t, db, "SELECT sum(requests) FROM spend_by_key"); got != "100" {
		t.Errorf("the views read %s requests after the migration, want 100", got)
	}
	createGeneration(t, db, 2, 1)
	if err := db.SwitchGeneration(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	back(19, true)
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if active, err := db.ActiveGeneration(t.Context()); active != 2 || err != nil {
		t.Errorf("after a repeated migration generation %d is active, %v; want 2", active, err)
	}
}

func TestUnknownDefinitionOfTheView(t *testing.T) {
	db := openMigrated(t)
	execute(t, db, "CREATE OR REPLACE VIEW rollups AS SELECT * FROM numbers(1)")
	if _, err := db.ActiveGeneration(t.Context()); err == nil || !strings.Contains(err.Error(), "rollups_<n>") {
		t.Errorf("got %v", err)
	}
}
