package clickhouse

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"weir/schemas"
)

// fullBatch is as large as a batch gets, over three months.
func fullBatch(partition int32, firstOffset int64) *UsageBlock {
	b := NewUsageBlock()
	for i := range int64(50_000) {
		at := noon.AddDate(0, -int(i%3), 0).Add(time.Duration(i) * time.Millisecond)
		e := fullUsage(uint64(firstOffset + i))
		e.OccurredAt = at.UnixMicro()
		b.Append(Origin{At: at, Partition: partition, Offset: firstOffset + i}, e)
	}
	return b
}

func parts(t *testing.T, db *DB, table string) string {
	t.Helper()
	return only(t, db, "SELECT count() FROM system.parts WHERE database = ? AND table = ? AND active", db.Database(), table)
}

func TestAFullBatchIsOneBlockAndARepeatAddsNothing(t *testing.T) {
	for _, compression := range []string{"none", "lz4"} {
		t.Run(compression, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Compression = compression
			if err := Migrate(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			db := openDB(t, cfg)
			execute(t, db, "SYSTEM STOP MERGES usage")
			b := fullBatch(2, 100)
			for range 3 {
				if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
					t.Fatal(err)
				}
			}
			// One part a month is one block: a second one would be a second part.
			if got := parts(t, db, "usage"); got != "3" {
				t.Errorf("got %s parts, want one in each of three months", got)
			}
			want := "50000|50000|100|50099"
			got := only(t, db, "SELECT count(), uniqExact(kafka_offset), min(kafka_offset), max(kafka_offset) FROM usage")
			if got != want {
				t.Errorf("rows, offsets, first, last: got %s, want %s", got, want)
			}
			if missing, err := db.MissingFacts(t.Context(), b); missing != nil || err != nil {
				t.Errorf("missing: got %v, %v, want nothing", missing, err)
			}
		})
	}
}

func TestARepeatCompletesWhatHalfLanded(t *testing.T) {
	db := openMigrated(t)
	b := fullBatch(2, 0)
	if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	// As if the server had died between the parts of one insert: one month is
	// there, the token of another is unknown.
	execute(t, db, "ALTER TABLE usage DROP PARTITION 202610")
	execute(t, db, "ALTER TABLE usage DROP PARTITION 202609")
	if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	repair(t, db, b, token(t, 2))
	if got := only(t, db, "SELECT count(), uniqExact(kafka_offset) FROM usage"); got != "50000|50000" {
		t.Errorf("rows, offsets: got %s, want 50000|50000", got)
	}
}

// repair inserts what Missing reports, as the consumer does, and returns how
// many rows that were.
func repair(t *testing.T, db *DB, b FactBlock, token string) int {
	t.Helper()
	missing, err := db.MissingFacts(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if missing == nil {
		return 0
	}
	if err := db.InsertFacts(t.Context(), token, missing); err != nil {
		t.Fatal(err)
	}
	return missing.Rows()
}

func TestABlockOfAnotherSchemaIsRefused(t *testing.T) {
	db := openMigrated(t)
	execute(t, db, "ALTER TABLE payloads MODIFY COLUMN request_truncated UInt16")
	b := NewPayloadBlock()
	b.Append(Origin{At: time.Now()}, &schemas.PayloadCaptured{RequestId: "r"})
	err := db.InsertFacts(t.Context(), token(t, 1), b)
	want := "insert into payloads: column request_truncated is UInt16, expected Bool; run `ingest migrate`"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// The connection that was in the middle of an insert is not used again.
	if got := only(t, db, "SELECT 1"); got != "1" {
		t.Errorf("after a refused insert: got %s", got)
	}
}

func TestAnEmptyTokenIsRefused(t *testing.T) {
	db := openMigrated(t)
	if err := db.InsertFacts(t.Context(), "", fullBatch(0, 0)); err == nil {
		t.Error("an insert without a token went through")
	}
}

func TestHasFacts(t *testing.T) {
	db := openMigrated(t)
	has := func(partition int32, from int64) bool {
		t.Helper()
		has, err := db.HasFacts(t.Context(), schemas.TopicUsage, partition, from)
		if err != nil {
			t.Fatal(err)
		}
		return has
	}
	b := NewUsageBlock()
	b.Append(Origin{At: noon, Partition: 5, Offset: 1}, fullUsage(1))
	if has(5, 0) {
		t.Error("an empty table has rows")
	}
	if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	if !has(5, 0) || !has(5, 1) || has(5, 2) || has(4, 0) {
		t.Errorf("has rows: partition 5 %v, from its offset on %v, behind it %v, partition 4 %v; want true, true, false, false", has(5, 0), has(5, 1), has(5, 2), has(4, 0))
	}
	if _, err := db.HasFacts(t.Context(), schemas.TopicControl, 0, 0); err == nil {
		t.Error("the control topic has a table of facts")
	}
}

// The dictionary of a low-cardinality column widens its keys at 256 and at
// 65,536 values.
func TestDictionariesOfAnySize(t *testing.T) {
	db := openMigrated(t)
	b := NewUsageBlock()
	offset := int64(0)
	add := func(model string) {
		b.Append(Origin{At: noon, Offset: offset}, &schemas.UsageRecorded{RequestId: "r", Model: model})
		offset++
	}
	for _, distinct := range []int{255, 256, 257, 65_535, 65_536, 70_000} {
		b = NewUsageBlock()
		for i := range distinct {
			add(fmt.Sprint("model", i))
		}
		execute(t, db, "TRUNCATE TABLE usage")
		if err := db.InsertFacts(t.Context(), fmt.Sprint(token(t, 1), distinct), b); err != nil {
			t.Fatal(err)
		}
		got := only(t, db, "SELECT uniqExact(model), countIf(model != concat('model', toString(kafka_offset - ?))) FROM usage", offset-int64(distinct))
		if want := fmt.Sprintf("%d|0", distinct); got != want {
			t.Errorf("%d distinct: got %s, want %s", distinct, got, want)
		}
	}
}

func TestABatchOfPayloadsIsOneBlock(t *testing.T) {
	db := openMigrated(t)
	execute(t, db, "SYSTEM STOP MERGES payloads")
	b := NewPayloadBlock()
	prompt, expires := make([]byte, 512<<10), time.Now().Add(48*time.Hour)
	for i := range int64(128) { // 64 MB, the most that a batch holds
		prompt[0] = byte(i)
		b.Append(Origin{At: time.Now(), Offset: i}, &schemas.PayloadCaptured{RequestId: "r", Request: prompt, ExpiresAt: expires.UnixMicro()})
	}
	for range 2 {
		if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
			t.Fatal(err)
		}
	}
	got := only(t, db, "SELECT count(), uniqExact(kafka_offset), sum(length(request)), uniqExact(_part) FROM payloads")
	if want := fmt.Sprintf("128|128|%d|1", 128*len(prompt)); got != want {
		t.Errorf("rows, offsets, bytes, parts: got %s, want %s", got, want)
	}
}

// A log that was quiet for long puts many days into one batch, which a server's
// usual limit of 100 table partitions would refuse for ever.
func TestABatchOverManyDays(t *testing.T) {
	db := openMigrated(t)
	b := NewRollupBlock(1, 0)
	for day := range 105 {
		b.Append(&RollupRow{Dimension: ByKey, Resolution: Minute, Bucket: Minute.Start(time.Now().AddDate(0, 0, -day)), OrgID: "o", Value: "k", Requests: 1})
	}
	execute(t, db, "ALTER TABLE rollups_1 REMOVE TTL")
	for range 2 {
		if err := db.InsertRollups(t.Context(), token(t, 1), b); err != nil {
			t.Fatal(err)
		}
	}
	if got := only(t, db, "SELECT sum(requests) FROM spend_by_key_1m"); got != "105" {
		t.Errorf("requests: got %s, want 105", got)
	}
}

// More inserts than connections take turns, none gives up.
func TestManyInsertsAtOnce(t *testing.T) {
	cfg := testConfig(t)
	if err := Migrate(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	cfg.DialTimeout = time.Second // also what the pool waits for a connection
	db := openDB(t, cfg)
	var group sync.WaitGroup
	for partition := range int32(200) {
		group.Go(func() {
			b := NewUsageBlock()
			b.Append(Origin{At: noon, Partition: partition}, fullUsage(1))
			if err := db.InsertFacts(t.Context(), fmt.Sprint(token(t, 1), partition), b); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := only(t, db, "SELECT count() FROM usage"); got != "200" {
		t.Errorf("rows: got %s, want 200", got)
	}
}
