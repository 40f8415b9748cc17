package clickhouse

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/schemas"
)

func TestRollupRowsKeepEveryField(t *testing.T) {
	db := openMigrated(t)
	row := RollupRow{
		Dimension: ByKey, Resolution: Hour, Bucket: Hour.Start(noon.Add(59 * time.Minute)), OrgID: "o", Value: "k", Model: "m",
		Provider: "p", Project: "prj", GroupID: "g", Endpoint: "e", Policy: "pol", BYOK: true, OriginTitle: "title", ErrorKind: "kind",
		LastOffset: 7, Requests: 1, Errors: 2, CacheHits: 3, InputTokens: 4, CachedInputTokens: 5, CacheWriteTokens: 6,
		OutputTokens: 7, ReasoningTokens: 8, Latency: []BucketCount{{0, 1}, {1023, 2}}, TTFT: []BucketCount{{5, 9}},
	}
	row.Cost.Add(1_000_000_000_001)
	row.Saved.Add(-1)
	b := NewRollupBlock(1, 4)
	b.Append(&row)
	if err := db.InsertRollups(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ query, want string }{
		{`SELECT dimension, resolution, bucket, org_id, value, model, provider, project, group_id, endpoint, policy, byok, origin_title,
			error_kind, kafka_partition, last_offset, requests, errors, cache_hits, input_tokens, cached_input_tokens,
			cache_write_tokens, output_tokens, reasoning_tokens, cost_usd, saved_usd, latency, ttft FROM rollups_1`,
			"key|1h|2026-11-22 12:00:00|o|k|m|p|prj|g|e|pol|true|title|kind|4|7|1|2|3|4|5|6|7|8|1.000000000001|-0.000000000001|{0:1,1023:2}|{5:9}"},
		{"SELECT * EXCEPT (latency, ttft) FROM spend_by_key_1h",
			"2026-11-22 12:00:00|o|k|m|p|prj|g|e|pol|true|title|kind|1|2|3|4|5|6|7|8|1.000000000001|-0.000000000001"},
		{"SELECT count() FROM spend_by_key_1m", "0"},
		{"SELECT count() FROM spend_by_user_1h", "0"},
	} {
		if got := only(t, db, c.query); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.query, got, c.want)
		}
	}
}

func TestTheViewsHaveTheirNames(t *testing.T) {
	db := openMigrated(t)
	for dimension, column := range map[string]string{"key": "key_id", "user": "user_id", "tag": "tag"} {
		for resolution, when := range map[string]string{"1m": "minute", "1h": "hour", "1d": "day"} {
			view := "spend_by_" + dimension + "_" + resolution
			got := query(t, db, "SELECT name FROM system.columns WHERE database = ? AND table = ? ORDER BY position", db.Database(), view)
			want := []string{when, "org_id", column, "model", "provider"}
			if dimension == "key" {
				want = append(want, "project", "group_id", "endpoint", "policy", "byok", "origin_title", "error_kind")
			}
			want = append(want, "requests", "errors", "cache_hits", "input_tokens", "cached_input_tokens", "cache_write_tokens",
				"output_tokens", "reasoning_tokens", "cost_usd", "saved_usd", "latency", "ttft")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("columns of %s (-want +got):\n%s", view, diff)
			}
		}
		got := query(t, db, "SELECT name FROM system.columns WHERE database = ? AND table = ? ORDER BY position", db.Database(), "spend_by_"+dimension)
		want := []string{"day", "org_id", column, "cost_usd", "requests", "errors", "p50_ms", "p95_ms", "p99_ms"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("columns of spend_by_%s (-want +got):\n%s", dimension, diff)
		}
	}
}

func TestSumsAreExactWhateverIsMerged(t *testing.T) {
	db := openMigrated(t)
	execute(t, db, "SYSTEM STOP MERGES rollups_1")
	total := new(big.Int)
	for batch := range 5 {
		b := NewRollupBlock(1, int32(batch%2))
		for i := range 100 {
			row := RollupRow{
				Dimension: ByUser, Resolution: Day, Bucket: Day.Start(noon), OrgID: "o", Value: fmt.Sprint("u", i%10),
				Model: fmt.Sprint("m", i%3), Provider: "p", LastOffset: int64(batch), Requests: 1,
			}
			for range 3 {
				row.Cost.Add(1<<62 + int64(i)) // the sum leaves 64 bits at once
			}
			total.Add(total, row.Cost.Big())
			b.Append(&row)
		}
		if err := db.InsertRollups(t.Context(), token(t, batch), b); err != nil {
			t.Fatal(err)
		}
	}
	want := total.String() + "|500"
	for range 2 {
		got := only(t, db, "SELECT toString(toInt128(sum(cost_usd) * 1000000000000)), sum(requests) FROM spend_by_user_1d")
		if got != want {
			t.Errorf("sum of the view: got %s, want %s", got, want)
		}
		if got := only(t, db, "SELECT toString(toInt128(sum(cost_usd) * 1000000000000)), sum(requests) FROM spend_by_user WHERE day = '2026-11-22'"); got != want {
			t.Errorf("sum of the readable view: got %s, want %s", got, want)
		}
		execute(t, db, "SYSTEM START MERGES rollups_1")
		execute(t, db, "OPTIMIZE TABLE rollups_1 FINAL")
	}
}

// The readable views compute a bucket's value in SQL; it is that of the code
// that filled the buckets.
func TestPercentilesAreTheBucketsValues(t *testing.T) {
	db := openMigrated(t)
	b := NewRollupBlock(1, 0)
	for i := range uint16(schemas.Buckets) {
		b.Append(&RollupRow{
			Dimension: ByTag, Resolution: Day, Bucket: Day.Start(noon), OrgID: "o", Value: fmt.Sprint(i),
			Requests: 1, Latency: []BucketCount{{i, 1}},
		})
	}
	spread := RollupRow{Dimension: ByTag, Resolution: Day, Bucket: Day.Start(noon), OrgID: "o", Value: "spread"}
	for us := int64(1); us <= 1000; us++ { // 1 to 1000 ms, one call each
		spread.Latency = append(spread.Latency, BucketCount{schemas.BucketIndex(us * 1000), 1})
	}
	spread.Latency = mergeCounts(spread.Latency)
	b.Append(&spread)
	if err := db.InsertRollups(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	rows := query(t, db, "SELECT tag, toInt64(round(p50_ms * 1000)), p50_ms = p99_ms FROM spend_by_tag WHERE tag != 'spread' ORDER BY toUInt16OrZero(tag)")
	if len(rows) != schemas.Buckets {
		t.Fatalf("got %d rows, want %d", len(rows), schemas.Buckets)
	}
	for i, got := range rows {
		if want := fmt.Sprintf("%d|%d|1", i, schemas.BucketValue(uint16(i))); got != want {
			t.Fatalf("bucket, value in µs: got %s, want %s", got, want)
		}
	}
	got := only(t, db, "SELECT abs(p50_ms - 500) <= 500 * 0.02, abs(p95_ms - 950) <= 950 * 0.02, abs(p99_ms - 990) <= 990 * 0.02 FROM spend_by_tag WHERE tag = 'spread'")
	if got != "1|1|1" {
		t.Errorf("p50, p95, p99 of 1 … 1000 ms within 2 %%: got %s", got)
	}
}

func mergeCounts(counts []BucketCount) []BucketCount {
	var merged []BucketCount
	for _, c := range counts {
		if n := len(merged); n > 0 && merged[n-1].Bucket == c.Bucket {
			merged[n-1].Count += c.Count
			continue
		}
		merged = append(merged, c)
	}
	return merged
}

// A condition on time or organisation reaches the primary key and the table
// partitions through the views.
func TestConditionsReachTheKey(t *testing.T) {
	db := openMigrated(t)
	execute(t, db, `INSERT INTO rollups_1 (dimension, resolution, bucket, org_id, value, requests)
		SELECT 'key', '1d', toDateTime('2026-01-01', 'UTC') + INTERVAL number % 300 DAY, concat('org', toString(number % 1000)), toString(number), 1
		FROM numbers(300000)`)
	for _, statement := range []string{
		"SELECT sum(cost_usd) FROM spend_by_key_1d WHERE org_id = 'org7' AND day >= '2026-03-05' AND day < '2026-03-08'",
		"SELECT * FROM spend_by_key WHERE org_id = 'org7' AND day = '2026-03-05'",
	} {
		plan := strings.Join(query(t, db, "SELECT explain FROM (EXPLAIN indexes = 1 "+statement+")"), "\n")
		for _, want := range []string{"Condition: and(", "org_id in ['org7', 'org7']", "Parts: 1/10"} {
			if !strings.Contains(plan, want) {
				t.Errorf("%s: the plan lacks %q:\n%s", statement, want, plan)
			}
		}
	}
}

// Minutes go after seven days, in whole parts; hours and days stay.
func TestOnlyMinutesExpire(t *testing.T) {
	db := openMigrated(t)
	b := NewRollupBlock(1, 0)
	old := time.Now().AddDate(0, 0, -9)
	for _, resolution := range []Resolution{Minute, Hour, Day} {
		for _, at := range []time.Time{old, time.Now()} {
			b.Append(&RollupRow{Dimension: ByKey, Resolution: resolution, Bucket: resolution.Start(at), OrgID: "o", Value: "k", Requests: 1})
		}
	}
	if err := db.InsertRollups(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	execute(t, db, "OPTIMIZE TABLE rollups_1 FINAL")
	eventually(t, "the old minute is gone, nothing else", func() bool {
		return only(t, db, "SELECT groupArray((r, n)) FROM (SELECT toString(resolution) AS r, sum(requests) AS n FROM rollups_1 GROUP BY r ORDER BY r)") ==
			"[('1d',2),('1h',2),('1m',1)]"
	})
	if missing, err := db.MissingRollups(t.Context(), b); missing != nil || err != nil {
		t.Errorf("what expired counts as missing: %v, %v", missing, err)
	}
}

func TestMissingRollupsLooksAtTheKafkaPartition(t *testing.T) {
	db := openMigrated(t)
	if err := db.InsertRollups(t.Context(), token(t, 1), fewRollups(0, 900)); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertRollups(t.Context(), token(t, 2), fewRollups(1, 100)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		partition int32
		last      int64
		missing   bool
	}{{0, 900, false}, {0, 899, false}, {0, 901, true}, {1, 100, false}, {1, 101, true}, {1, 900, true}, {2, 0, true}} {
		b := fewRollups(c.partition, c.last)
		missing, err := db.MissingRollups(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if (missing != nil) != c.missing || missing != nil && missing.Rows() != b.Rows() {
			t.Errorf("partition %d up to %d: got %v, want missing %v", c.partition, c.last, missing, c.missing)
		}
	}
	for partition, want := range map[int32]bool{0: true, 1: true, 2: false} {
		if has, err := db.HasRollups(t.Context(), 1, partition, 0); has != want || err != nil {
			t.Errorf("partition %d has rows: got %v, %v; want %v", partition, has, err, want)
		}
		if has, err := db.HasRollups(t.Context(), 1, partition, 1<<40); has || err != nil {
			t.Errorf("partition %d has rows from far beyond on: got %v, %v", partition, has, err)
		}
	}
}
