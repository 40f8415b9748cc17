package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/schemas"
)

// The hash of an event and the bucket of a duration are computed in Go and in
// SQL, and must be the same on both sides.
func TestSQLAgreesWithGo(t *testing.T) {
	db := openMigrated(t)
	events := realistic(300)
	block := NewUsageBlock()
	want := make(map[SegmentID]SegmentSum)
	rng := rand.New(rand.NewPCG(1, 1))
	for i, e := range events {
		e.Node = []string{"A", "B", ""}[i%3]
		e.Seq = rng.Uint64N(1 << 40)
		offset := rng.Int64N(5 * SegmentOffsets)
		block.Append(Origin{At: time.UnixMicro(e.OccurredAt), Partition: int32(i % 4), Offset: offset}, e)
		if i%4 == 3 || offset >= 4*SegmentOffsets {
			continue // beyond the places that are asked for
		}
		id := SegmentID{schemas.TopicUsage, int32(i % 4), offset / SegmentOffsets}
		sum := want[id]
		sum.Add(offset, e.Node, e.Seq)
		want[id] = sum
	}
	if err := db.InsertFacts(t.Context(), token(t, 1), block); err != nil {
		t.Fatal(err)
	}
	got, err := db.FactSums(t.Context(), schemas.TopicUsage, map[int32]int64{0: 4 * SegmentOffsets, 1: 4 * SegmentOffsets, 2: 4 * SegmentOffsets})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("segments\n got %v\nwant %v", got, want)
	}

	var durations []int64
	for shift := range 40 {
		for _, d := range []int64{-1, 0, 1} {
			durations = append(durations, 1<<shift+d, 3<<shift+d)
		}
	}
	durations = append(durations, -5)
	for i := range uint16(schemas.Buckets) {
		durations = append(durations, schemas.BucketLower(i), schemas.BucketUpper(i))
	}
	statement := "SELECT toString(us) || ' ' || toString(" + bucketIndex("d") + ") FROM (SELECT us, CAST(us AS Decimal(18, 3)) / 1000 AS d FROM (SELECT arrayJoin(["
	var lines []string
	for i, us := range durations {
		if i > 0 {
			statement += ", "
		}
		statement += fmt.Sprintf("toInt64(%d)", us)
		lines = append(lines, fmt.Sprintf("%d %d", us, schemas.BucketIndex(us)))
	}
	if diff := firstDifference(query(t, db, statement+"]) AS us))"), lines); diff != "" {
		t.Error("buckets: " + diff)
	}
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("line %d: got %q, want %q", i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
	return ""
}

// rowsOf are the rollup rows of one event, as plainly as can be.
func rowsOf(e *schemas.UsageRecorded, offset int64, extraTags ...string) []RollupRow {
	d := e.Dimensions
	row := RollupRow{OrgID: d.OrgId, Model: e.Model, Provider: e.Provider, LastOffset: offset, Requests: 1,
		InputTokens: e.Tokens.Input, CachedInputTokens: e.Tokens.CachedInput, CacheWriteTokens: e.Tokens.CacheWrite,
		OutputTokens: e.Tokens.Output, ReasoningTokens: e.Tokens.Reasoning,
		Cost: NewPico(e.CostPico), Saved: NewPico(e.SavedPico),
		Latency: []BucketCount{{schemas.BucketIndex(e.LatencyUs), 1}},
	}
	if e.TtftUs > 0 {
		row.TTFT = []BucketCount{{schemas.BucketIndex(e.TtftUs), 1}}
	}
	if e.ErrorKind != "" {
		row.Errors = 1
	}
	if e.Cache == "HIT" {
		row.CacheHits = 1
	}
	tags := slices.Clone(d.Tags)
	for _, name := range extraTags {
		if v, ok := d.Extra[name]; ok {
			tags = append(tags, name+"="+v)
		}
	}
	slices.Sort(tags)
	var rows []RollupRow
	for _, r := range []Resolution{Minute, Hour, Day} {
		row.Resolution, row.Bucket = r, r.Start(time.UnixMicro(e.OccurredAt))
		key := row
		key.Dimension, key.Value, key.Project, key.GroupID, key.Endpoint, key.Policy = ByKey, d.KeyId, d.Project, d.GroupId, d.Endpoint, d.Policy
		key.BYOK, key.OriginTitle, key.ErrorKind = e.Byok, d.OriginTitle, e.ErrorKind
		user := row
		user.Dimension, user.Value = ByUser, d.UserId
		rows = append(rows, key, user)
		for _, tag := range slices.Compact(slices.Clone(tags)) {
			byTag := row
			byTag.Dimension, byTag.Value = ByTag, tag
			rows = append(rows, byTag)
		}
	}
	return rows
}

// Usage and rollups of the same events have the same sums in every bucket; any
// change of any column of any row shows.
func TestRollupSumsShowEveryChange(t *testing.T) {
	db := openMigrated(t)
	rng := rand.New(rand.NewPCG(7, 7))
	now := time.Now().UTC().Truncate(time.Hour)
	minutes := now.Add(-48 * time.Hour)
	const partitions, n = 3, 300
	usage := NewUsageBlock()
	var rollups [partitions]*RollupBlock
	for p := range rollups {
		rollups[p] = NewRollupBlock(1, int32(p))
	}
	for i, e := range realistic(n) {
		e.OccurredAt = now.Add(-time.Duration(rng.Int64N(int64(96 * time.Hour)))).UnixMicro()
		d := e.Dimensions
		d.Tags = [][]string{nil, {"a"}, {"a", "a", "b"}, {"feature=feature-1"}}[rng.IntN(4)]
		d.Extra = []map[string]string{nil, {"feature": "feature-1"}, {"other": "x"}, {"team's": `\`}}[rng.IntN(4)]
		d.UserId = []string{"", "u"}[rng.IntN(2)]
		e.Byok, e.Cache = rng.IntN(2) == 0, []string{"MISS", "HIT"}[rng.IntN(2)]
		e.ErrorKind = []string{"", "server_error"}[rng.IntN(2)]
		e.TtftUs *= int64(rng.IntN(2))
		e.SavedPico, e.CostPico = rng.Int64N(1e15), e.CostPico*1e6
		e.Tokens.Reasoning, e.Tokens.CacheWrite = rng.Int64N(100), rng.Int64N(100)
		p := i % partitions
		usage.Append(Origin{At: time.UnixMicro(e.OccurredAt), Partition: int32(p), Offset: int64(i)}, e)
		for _, row := range rowsOf(e, int64(i), "feature", "team's") {
			rollups[p].Append(&row)
		}
	}
	if err := db.InsertFacts(t.Context(), token(t, 1), usage); err != nil {
		t.Fatal(err)
	}
	for p, b := range rollups {
		if err := db.InsertRollups(t.Context(), token(t, p), b); err != nil {
			t.Fatal(err)
		}
	}
	span := UsageSpan{Upto: map[int32]int64{0: n, 1: n, 2: n}, Minutes: minutes, ExtraTags: []string{"feature", "team's"}}
	want, err := db.UsageSums(t.Context(), span)
	if err != nil {
		t.Fatal(err)
	}
	different := func(generation int) (list []RollupBucket) {
		t.Helper()
		got, err := db.RollupSums(t.Context(), generation, minutes, time.Time{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("got %d buckets, want %d", len(got), len(want))
		}
		for b, sum := range got {
			if !sum.Same(want[b]) {
				list = append(list, b)
			}
		}
		return list
	}
	if off := different(1); len(off) > 0 {
		t.Fatalf("%d of %d buckets differ, the first is %v of %+v", len(off), len(want), off[0], off[0])
	}
	execute(t, db, "OPTIMIZE TABLE rollups_1 FINAL")
	if off := different(1); len(off) > 0 {
		t.Fatalf("after a merge %d buckets differ", len(off))
	}
	// Half of it, in two spans.
	half := map[int32]int64{0: n / 2, 1: n / 2, 2: n / 2}
	first, err := db.UsageSums(t.Context(), UsageSpan{Upto: half, Minutes: minutes, ExtraTags: span.ExtraTags})
	if err != nil {
		t.Fatal(err)
	}
	second, err := db.UsageSums(t.Context(), UsageSpan{From: half, Upto: span.Upto, Minutes: minutes, ExtraTags: span.ExtraTags})
	if err != nil {
		t.Fatal(err)
	}
	for b, sum := range want {
		if sum.Checksum != first[b].Checksum+second[b].Checksum || sum.Requests != first[b].Requests+second[b].Requests {
			t.Fatalf("%v: two halves are not the whole", b)
		}
	}

	// One row of one bucket is changed, in a copy, column by column.
	where := "dimension = 'key' AND resolution = '1d' AND kafka_partition = 1 AND requests = 1 AND notEmpty(ttft)"
	pick := only(t, db, "SELECT toUnixTimestamp(bucket) AS b, cost_usd AS c FROM rollups_1 WHERE "+where+" ORDER BY b, c LIMIT 1")
	at, cost, _ := strings.Cut(pick, "|")
	bucket, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	row := fmt.Sprintf("%s AND toUnixTimestamp(bucket) = %d AND cost_usd = toDecimal128('%s', 12)", where, bucket, cost)
	changes := map[string]string{
		"requests": "requests + 1", "errors": "errors + 1", "cache_hits": "cache_hits + 1", "input_tokens": "input_tokens - 1",
		"cached_input_tokens": "cached_input_tokens + 1", "cache_write_tokens": "cache_write_tokens + 1", "output_tokens": "output_tokens + 1",
		"reasoning_tokens": "reasoning_tokens + 1", "saved_usd": "saved_usd + toDecimal128('0.000000000001', 12)",
		"cost_usd": "cost_usd - toDecimal128('0.000000000001', 12)",
		"latency":  "map(toUInt16(mapKeys(latency)[1] + 1), toUInt64(1))", "ttft": "map(toUInt16(3), toUInt64(1))",
		"byok": "NOT byok",
	}
	for _, name := range []string{"org_id", "value", "model", "provider", "project", "group_id", "endpoint", "policy", "origin_title", "error_kind"} {
		changes[name] = "concat(toString(" + name + "), '!')"
	}
	for column, value := range changes {
		execute(t, db, "CREATE TABLE rollups_2 AS rollups_1")
		execute(t, db, fmt.Sprintf("INSERT INTO rollups_2 SELECT * REPLACE(if(%s, %s, %s) AS %[3]s) FROM rollups_1", row, value, column))
		off := different(2)
		if len(off) != 1 || off[0] != (RollupBucket{ByKey, Day, bucket, 1}) {
			t.Errorf("%s changed: got %+v, want one day of partition 1", column, off)
		}
		groups, count, err := db.RollupDifferences(t.Context(), 2, RollupBucket{ByKey, Day, bucket, 1}, n, span.ExtraTags, 5)
		if err != nil {
			t.Fatal(err)
		}
		// A measure differs in one group; a group that moved leaves one and makes another.
		measured := []string{column, "histogram of " + column, "requests"}
		if len(groups) == 0 || uint64(len(groups)) != count || !slices.Contains(measured, groups[0].Measure) || count > 2 || (count == 2) != (groups[0].Measure == "requests" && column != "requests") {
			t.Errorf("%s changed: got %d groups %+v", column, count, groups)
		}
		execute(t, db, "DROP TABLE rollups_2 SYNC")
	}
}

// The numbers of a node are counted over the three tables together.
func TestNodeSeqs(t *testing.T) {
	db := openMigrated(t)
	requests, usage := NewRequestBlock(), NewUsageBlock()
	at := Origin{At: noon}
	for _, seq := range []uint64{1, 2, 5, 70_000} {
		requests.Append(at, &schemas.RequestReceived{Node: "N", Seq: seq})
	}
	for _, seq := range []uint64{3, 5, 6, 200_000} {
		usage.Append(at, &schemas.UsageRecorded{Node: "N", Seq: seq})
	}
	usage.Append(at, &schemas.UsageRecorded{Node: "M", Seq: 9})
	for i, b := range []FactBlock{requests, usage} {
		if err := db.InsertFacts(t.Context(), token(t, i), b); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.NodeSeqs(t.Context(), map[string]SeqRange{"N": {1, 70_000}, "unknown": {1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]NodeSeqs{"N": {Rows: 8, Distinct: 7, Within: 6, Last: 200_000}, "M": {Rows: 1, Distinct: 1, Within: 0, Last: 9}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for within, want := range map[SeqRange][]SeqRange{
		{1, 70_000}: {{4, 4}, {7, 69_999}},
		{1, 7}:      {{4, 4}, {7, 7}},
		{4, 4}:      {{4, 4}},
		{5, 6}:      nil,
		{7, 12}:     {{7, 12}},
	} {
		got, err := db.MissingSeqs(t.Context(), "N", within, 10)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("missing of %v: got %v, want %v", within, got, want)
		}
	}
}

func TestExtraTagsAreNotedAtTheGeneration(t *testing.T) {
	db := openMigrated(t)
	if names, known, err := db.ExtraTags(t.Context(), 1); known || err != nil {
		t.Errorf("before: %v %v %v", names, known, err)
	}
	for _, want := range [][]string{{"feature", "team's", `a\b`}, {}, nil} {
		if err := db.SetExtraTags(t.Context(), 1, want); err != nil {
			t.Fatal(err)
		}
		if got, known, err := db.ExtraTags(t.Context(), 1); !known || err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q %v %v, want %q", got, known, err, want)
		}
	}
}

func TestAcknowledgementsAreKeptUntilTheyAreDeleted(t *testing.T) {
	db := openMigrated(t)
	at := time.UnixMicro(1_800_000_000_123_456).UTC()
	want := []Acknowledgement{
		{At: at, Reason: "it's a disk\\", Kind: "log_gap", Topic: schemas.TopicUsage, Partition: 4, FirstOffset: 0, LastOffset: 1 << 40},
		{At: at.Add(time.Microsecond), Reason: "a script", Kind: "call_unknown", Node: "N", RequestIDs: []string{"req_1", "req_2"}},
		{At: at.Add(time.Second), Reason: "a machine", Kind: "hole", Node: "N", Seqs: SeqRange{3, 1 << 50}},
	}
	check := func(what string, want []Acknowledgement) {
		t.Helper()
		got, err := db.Acknowledgements(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("none", nil)
	for _, list := range [][]Acknowledgement{want[2:], want[:2]} {
		if err := db.SaveAcknowledgements(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	check("all", want)
	if err := db.DeleteAcknowledgements(t.Context(), []string{"hole", "log_gap"}); err != nil {
		t.Fatal(err)
	}
	check("one kind left", want[1:2])
}

// What stands at offsets that the log has lost is found by them alone.
func TestRequestsAtOffsets(t *testing.T) {
	db := openMigrated(t)
	usage := NewUsageBlock()
	for offset := range int64(10) {
		usage.Append(Origin{At: noon, Partition: 1, Offset: offset}, &schemas.UsageRecorded{RequestId: fmt.Sprint("req_", offset)})
		usage.Append(Origin{At: noon, Partition: 2, Offset: offset}, &schemas.UsageRecorded{RequestId: fmt.Sprint("other_", offset)})
	}
	if err := db.InsertFacts(t.Context(), token(t, 1), usage); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := db.RequestsAt(t.Context(), schemas.TopicUsage, 1, []int64{8, 2, 5}, []int64{20, 3, 5}, func(id string) { got = append(got, id) })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if want := []string{"req_2", "req_3", "req_5", "req_8", "req_9"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
