package clickhouse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/schemas"
)

// fixedNow stands for now('UTC') when the queries are run here.
const fixedNow = "toDateTime('2026-11-22 12:30:00', 'UTC')"

// call is a line of the seeded ledger.
type call struct {
	at                           time.Time
	key, user, feature           string
	tags                         []string
	provider, model, errorKind   string
	in, cached, out              int64
	costPico, savedPico, latency int64 // latency in ms
	hit, disconnected, unpriced  bool
}

func seedCalls() []call {
	hourAgo, yesterday, lastWeek := noon.Add(-time.Hour), noon.AddDate(0, 0, -1), noon.AddDate(0, 0, -8)
	const usd = 1_000_000_000_000
	return []call{
		{at: noon, key: "key_a", user: "ann", feature: "chat", tags: []string{"prod", "blue"}, provider: "mock", model: "small", in: 100, cached: 300, out: 50, costPico: 2 * usd, savedPico: usd / 2, latency: 100},
		{at: noon, key: "key_a", user: "ann", feature: "chat", tags: []string{"prod"}, provider: "mock", model: "small", in: 10, out: 5, costPico: usd + 1, latency: 900},
		{at: hourAgo, key: "key_b", user: "bob", feature: "search", tags: []string{"test"}, provider: "mock", model: "large", in: 7, out: 3, costPico: usd / 4, latency: 5000, disconnected: true},
		{at: hourAgo, key: "key_b", user: "bob", provider: "mock", model: "large", errorKind: "server_error", latency: 20},
		{at: hourAgo, key: "key_b", user: "bob", provider: "other", model: "new", in: 11, out: 2, latency: 300, unpriced: true},
		{at: yesterday, key: "key_a", user: "ann", provider: "mock", model: "small", savedPico: usd, latency: 1, hit: true},
		{at: yesterday, key: "key_a", user: "", provider: "mock", model: "small", errorKind: "abandoned"},
		{at: lastWeek, key: "key_c", user: "eve", tags: []string{"old"}, provider: "mock", model: "small", in: 1, out: 1, costPico: usd, latency: 50},
	}
}

func (c call) usage(seq uint64) *schemas.UsageRecorded {
	u := &schemas.UsageRecorded{
		RequestId: "req_" + string(rune('0'+seq)), Node: "n", Seq: seq, OccurredAt: c.at.UnixMicro(),
		Dimensions: &schemas.Dimensions{OrgId: "org", KeyId: c.key, UserId: c.user, Tags: c.tags},
		Model:      c.model, Provider: c.provider, ErrorKind: c.errorKind, PriceUnknown: c.unpriced, Attempts: 1,
		Tokens:   &schemas.Tokens{Input: c.in, CachedInput: c.cached, Output: c.out},
		CostPico: c.costPico, SavedPico: c.savedPico, LatencyUs: c.latency * 1000,
	}
	if c.feature != "" {
		u.Dimensions.Extra = map[string]string{"feature": c.feature}
	}
	return u
}

// rollup is the call's own row, before any sum.
func (c call) rollup(by Dimension, value string, r Resolution) *RollupRow {
	row := &RollupRow{
		Dimension: by, Resolution: r, Bucket: r.Start(c.at), OrgID: "org", Value: value, Model: c.model, Provider: c.provider,
		Requests: 1, InputTokens: c.in, CachedInputTokens: c.cached, OutputTokens: c.out,
		Cost: NewPico(c.costPico), Saved: NewPico(c.savedPico), Latency: []BucketCount{{schemas.BucketIndex(c.latency * 1000), 1}},
	}
	if c.errorKind != "" {
		row.Errors = 1
	}
	if by == ByKey {
		row.ErrorKind = c.errorKind
	}
	if c.hit {
		row.CacheHits = 1
	}
	return row
}

func seed(t *testing.T, db *DB) {
	t.Helper()
	usage, responses, rollups := NewUsageBlock(), NewResponseBlock(), NewRollupBlock(1, 0)
	for i, c := range seedCalls() {
		origin, u := Origin{At: c.at, Offset: int64(i)}, c.usage(uint64(i+1))
		usage.Append(origin, u)
		responses.Append(origin, &schemas.ResponseCompleted{
			RequestId: u.RequestId, OrgId: "org", KeyId: c.key, Provider: c.provider, Model: c.model, ErrorKind: c.errorKind,
			LatencyUs: u.LatencyUs, ClientDisconnected: c.disconnected,
		})
		for _, r := range []Resolution{Minute, Hour, Day} {
			rollups.Append(c.rollup(ByKey, c.key, r))
			rollups.Append(c.rollup(ByUser, c.user, r))
			for _, tag := range c.tags {
				rollups.Append(c.rollup(ByTag, tag, r))
			}
		}
	}
	for _, b := range []FactBlock{usage, responses} {
		if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.InsertRollups(t.Context(), token(t, 1), rollups); err != nil {
		t.Fatal(err)
	}
	changes := NewControlBlock()
	for i, r := range []ControlRow{
		{Occurred: noon.Add(-2 * time.Hour), Kind: "key", EntityID: "key_a", Version: 1, Accepted: true, Actor: "operator",
			Change: `{"name":"first","disabled":true,"limits":{"requests_per_minute":"9"}}`},
		{Occurred: noon.Add(-2 * time.Hour), Kind: "key", EntityID: "key_a", Version: 1, Actor: "key_late", Change: `{"name":"refused"}`},
		{Occurred: noon.Add(-time.Hour), Kind: "key", EntityID: "key_a", Version: 2, Accepted: true, Deleted: true, Actor: "key_owner", RequestID: "req_9", Change: `{}`},
		{Occurred: noon.Add(-time.Hour), Kind: "key", EntityID: "key_a", Version: 2, Accepted: true, Deleted: true, Repeated: true, Actor: "key_owner", Change: `{}`},
		{Occurred: noon.AddDate(0, -2, 0), Kind: "key", EntityID: "key_old", Version: 1, Accepted: true, Change: `{"name":"long ago"}`},
		{Occurred: noon, Kind: "group", EntityID: "grp_a", Version: 1, Accepted: true, Change: `{"name":"no key"}`},
	} {
		r.Offset, r.OrgID = int64(i), "org"
		changes.Append(&r)
	}
	if err := db.WriteControlLog(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// wantOfQueries was worked out by hand; a percentile is the middle of its
// bucket, so 900 ms reads 892.927.
var wantOfQueries = map[string][]string{
	"spend_per_key_today": {
		"org|key_a|3.000000000001|2|0|99.327|892.927|892.927",
		"org|key_b|0.25|3|1|299.007|5046.271|5046.271",
	},
	"p95_latency_per_model_per_hour": {
		"2026-11-22 11:00:00|mock|large|2|5046.271",
		"2026-11-22 11:00:00|other|new|1|299.007",
		"2026-11-22 12:00:00|mock|small|2|892.927",
	},
	"top_tags_by_cost":          {"prod|3.000000000001|2", "blue|2|1", "test|0.25|1"},
	"error_rate_per_provider":   {"mock|4|1|25|['server_error']", "other|1|0|0|[]"},
	"cost_per_user_per_feature": {"ann|chat|3.000000000001|2", "eve||1|1", "bob|search|0.25|1", "bob||0|2", "||0|1", "ann||0|1"},
	"cache_savings":             {"mock|small|73|1|1.5|4.000000000001", "mock|large|0|0|0|0.25", "other|new|0|0|0|0"},
	"tokens_per_day_by_model": {
		"2026-11-14|mock|small|1|1|1",
		"2026-11-21|mock|small|0|0|0",
		"2026-11-22|mock|small|410|55|3.000000000001",
		"2026-11-22|other|new|11|2|0",
		"2026-11-22|mock|large|7|3|0.25",
	},
	"slowest_calls": {
		"req_3|2026-11-22 11:00:00.000000|key_b|mock|large|5000|0|3|1",
		"req_2|2026-11-22 12:00:00.000000|key_a|mock|small|900|0|5|1",
		"req_5|2026-11-22 11:00:00.000000|key_b|other|new|300|0|2|1",
		"req_1|2026-11-22 12:00:00.000000|key_a|mock|small|100|0|50|1",
		"req_4|2026-11-22 11:00:00.000000|key_b|mock|large|20|0|0|1",
	},
	"abandoned_calls": {
		"req_3|key_b|mock|large|disconnected|5000|0.25",
		"req_7|key_a|mock|small|abandoned|0|0",
	},
	"who_changed_what": {
		"2026-11-22 11:00:00.000000|org|key_a|2|key_owner|req_9|deleted|0|",
		"2026-11-22 10:00:00.000000|org|key_a|1|operator||first|1|{\"requests_per_minute\":\"9\"}",
	},
	"unpriced_models": {"other|new|1|13|2026-11-22 11:00:00.000000"},
}

func queryFiles(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("queries/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(path), ".sql")] = string(text)
	}
	return texts
}

func TestTheQueriesOfTheReadme(t *testing.T) {
	db := openMigrated(t)
	seed(t, db)
	files := queryFiles(t)
	if len(files) != 11 || len(wantOfQueries) != 11 {
		t.Fatalf("got %d queries and %d answers, want 11", len(files), len(wantOfQueries))
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(readme), "```sql\n"+text+"```\n") {
				t.Error("README.md does not show this text")
			}
			if !strings.Contains(text, "now('UTC')") {
				t.Error("the query has no clock that the test could set")
			}
			got := query(t, db, strings.ReplaceAll(text, "now('UTC')", fixedNow))
			if diff := cmp.Diff(wantOfQueries[name], got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}
