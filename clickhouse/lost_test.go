package clickhouse

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/clickhouse/enginetest"
)

// restartWithout kills the server, takes parts of a table off its disk and
// starts it again: what it remembers of their tokens is then a token without
// data, as a kill between the writing of the token and the renaming of the part
// leaves behind.
func restartWithout(t *testing.T, server *enginetest.Server, dir string, db *DB, where string) *enginetest.Server {
	t.Helper()
	paths := query(t, db, "SELECT path FROM system.parts WHERE active AND database = '"+db.Database()+"' AND "+where)
	if len(paths) == 0 {
		t.Fatalf("no part where %s", where)
	}
	server.Kill()
	for _, path := range paths {
		if rel, err := filepath.Rel(dir, path); err != nil || !filepath.IsLocal(rel) {
			t.Fatalf("part %s is not below %s", path, dir)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	again, err := enginetest.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Kill)
	return again
}

func ownServer(t *testing.T) (*enginetest.Server, string) {
	t.Helper()
	dir := t.TempDir()
	server, err := enginetest.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server, dir
}

func TestATokenWithoutItsRows(t *testing.T) {
	own, dir := ownServer(t)
	cfg := testConfig(t)
	cfg.Addr = own.Addr()
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	db := openDB(t, cfg)
	facts, rollups := fullBatch(2, 100), fewRollups(2, 700)
	insertBoth := func(token string) {
		t.Helper()
		if err := db.InsertFacts(t.Context(), token, facts); err != nil {
			t.Fatal(err)
		}
		if err := db.InsertRollups(t.Context(), token, rollups); err != nil {
			t.Fatal(err)
		}
	}
	insertBoth("batch")
	wantRollups := only(t, db, rollupTotals)

	own = restartWithout(t, own, dir, db,
		"(table = 'usage' AND partition = '202610' OR table = 'rollups_1' AND partition_id LIKE '1-%')")
	cfg.Addr = own.Addr()
	db = openDB(t, cfg)
	// The repeat says yes and does nothing: the token is there, the rows are not.
	insertBoth("batch")
	if got := only(t, db, "SELECT count() FROM usage"); got != "33333" {
		t.Fatalf("rows after the repeat: got %s, want 33333; the trap was not planted", got)
	}
	if got := only(t, db, "SELECT count() FROM rollups_1 WHERE resolution = '1m'"); got != "0" {
		t.Fatalf("minutes after the repeat: got %s, want 0; the trap was not planted", got)
	}

	// What Missing names goes in under the token with /2, and then all is there
	// once.
	if got := repair(t, db, facts, "batch/2"); got != 16_667 {
		t.Errorf("missing rows of usage: got %d, want 16667", got)
	}
	if got := only(t, db, "SELECT count(), uniqExact(kafka_offset) FROM usage"); got != "50000|50000" {
		t.Errorf("rows, offsets: got %s, want 50000|50000", got)
	}
	missing, err := db.MissingRollups(t.Context(), rollups)
	if err != nil {
		t.Fatal(err)
	}
	if missing == nil {
		t.Fatal("no rollup row is missing")
	}
	if err := db.InsertRollups(t.Context(), "batch/2", missing); err != nil {
		t.Fatal(err)
	}
	if got := only(t, db, rollupTotals); got != wantRollups {
		t.Errorf("rollups: got %s, want %s", got, wantRollups)
	}
	for _, again := range []func() (bool, error){
		func() (bool, error) { m, err := db.MissingFacts(t.Context(), facts); return m != nil, err },
		func() (bool, error) { m, err := db.MissingRollups(t.Context(), rollups); return m != nil, err },
	} {
		if missing, err := again(); missing || err != nil {
			t.Errorf("after the repair: missing %v, %v", missing, err)
		}
	}
}

const rollupTotals = "SELECT arraySort(groupArray((r, n, c))) FROM (SELECT toString(resolution) AS r, sum(requests) AS n, sum(cost_usd) AS c FROM rollups_1 GROUP BY resolution)"

func fewRollups(partition int32, lastOffset int64) *RollupBlock {
	b := NewRollupBlock(1, partition)
	at := time.Now()
	for _, resolution := range []Resolution{Minute, Hour, Day} {
		for i := range 10 {
			row := RollupRow{
				Dimension: ByKey, Resolution: resolution, Bucket: resolution.Start(at.Add(time.Duration(-i) * time.Hour)),
				OrgID: "o", Value: "key", Model: "m", Provider: "p", LastOffset: lastOffset, Requests: 1,
				Latency: []BucketCount{{70, 1}},
			}
			row.Cost.Add(1)
			b.Append(&row)
		}
	}
	return b
}
