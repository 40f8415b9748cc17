package clickhouse

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"weir/clickhouse/usage"
	"weir/schemas"
)

// strange are texts that would leave a quoted string where one can be left.
var strange = []string{
	`'`, `"`, `\`, `\'`, "`", `') OR 1 = 1 --`, `'] || extra['feature`, "\n", "\t", "\x00", `\N`, `{org:String}`, `?`, "/*period*/", "ü", "a b", `$1`,
}

// randomCalls are calls of two organisations over ten weeks, seeded so that a
// failure repeats.
func randomCalls(seed uint64, n int) []*schemas.UsageRecorded {
	r := rand.New(rand.NewPCG(seed, 7))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	calls := make([]*schemas.UsageRecorded, n)
	for i := range calls {
		at := noon.Add(-time.Duration(r.Int64N(int64(70 * 24 * time.Hour)))).Truncate(time.Microsecond)
		switch r.IntN(10) {
		case 0:
			at = at.Truncate(time.Hour) // on the edge of a bucket
		case 1:
			at = at.Truncate(24 * time.Hour).Add(-time.Microsecond)
		}
		d := &schemas.Dimensions{
			OrgId: pick("org_a", "org_a", "org_b"), KeyId: pick("key_1", "key_2", "key_3"), UserId: pick("", "ann", "bob", strange[r.IntN(len(strange))]),
			GroupId: pick("", "grp_1", "grp_2", "grp_3"), Project: pick("", "prj_1"), OriginTitle: pick("", "App", `It's "x"`),
			Endpoint:       pick("chat.completions", "responses", "messages", "embeddings", "images.generations", "images.edits", "audio.speech", "audio.transcriptions", "other"),
			RequestedModel: pick("mock/small", "policy/cheap", "small"),
		}
		for range r.IntN(4) {
			d.Tags = append(d.Tags, pick("prod", "blue", "test", strange[r.IntN(len(strange))]))
		}
		if r.IntN(3) > 0 {
			d.Extra = map[string]string{"feature": pick("chat", "search", "")}
			d.Extra[strange[r.IntN(len(strange))]] = strange[r.IntN(len(strange))]
		}
		calls[i] = &schemas.UsageRecorded{
			RequestId: fmt.Sprintf("req_%d", i), Node: "n", Seq: uint64(i + 1), OccurredAt: at.UnixMicro(), Dimensions: d,
			Model: pick("", "small", "large"), Provider: pick("", "mock", "other"), Byok: r.IntN(4) == 0, ErrorKind: pick("", "", "", "server_error", "rate_limited"),
			Tokens:   &schemas.Tokens{Input: r.Int64N(1e9), CachedInput: r.Int64N(1000), CacheWrite: r.Int64N(10), Output: r.Int64N(1e6), Reasoning: r.Int64N(100)},
			CostPico: r.Int64N(math.MaxInt64), LatencyUs: r.Int64N(1 << r.IntN(40)),
		}
	}
	return calls
}

// seedUsage writes calls into the ledger, and their rollups by key.
func seedUsage(t *testing.T, db *DB, calls []*schemas.UsageRecorded) {
	t.Helper()
	facts, rollups := NewUsageBlock(), NewRollupBlock(1, 0)
	for i, u := range calls {
		at, d := time.UnixMicro(u.OccurredAt).UTC(), u.Dimensions
		facts.Append(Origin{At: at, Offset: int64(i)}, u)
		for _, resolution := range []Resolution{Hour, Day} {
			row := &RollupRow{
				Dimension: ByKey, Resolution: resolution, Bucket: resolution.Start(at), OrgID: d.OrgId, Value: d.KeyId, Model: u.Model, Provider: u.Provider,
				Project: d.Project, GroupID: d.GroupId, Endpoint: d.Endpoint, BYOK: u.Byok, OriginTitle: d.OriginTitle, ErrorKind: u.ErrorKind,
				Requests: 1, InputTokens: u.Tokens.Input, CachedInputTokens: u.Tokens.CachedInput, CacheWriteTokens: u.Tokens.CacheWrite,
				OutputTokens: u.Tokens.Output, ReasoningTokens: u.Tokens.Reasoning, Cost: NewPico(u.CostPico),
				Latency: []BucketCount{{schemas.BucketIndex(u.LatencyUs), 1}},
			}
			if u.ErrorKind != "" {
				row.Errors = 1
			}
			rollups.Append(row)
		}
	}
	if err := db.InsertFacts(t.Context(), token(t, 1), facts); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertRollups(t.Context(), token(t, 1), rollups); err != nil {
		t.Fatal(err)
	}
}

// tally is what the test itself counts.
type tally struct {
	c         usage.Counters
	pico      big.Int
	latencies []uint16
}

func (s *tally) add(u *schemas.UsageRecorded) {
	switch family, _, _ := strings.Cut(u.Dimensions.Endpoint, "."); family {
	case "chat", "responses", "messages":
		s.c.CompletionsRequests++
	case "embeddings":
		s.c.EmbeddingRequests++
	case "images":
		s.c.ImageRequests++
	}
	switch u.Dimensions.Endpoint {
	case "audio.speech":
		s.c.SpeechRequests++
	case "audio.transcriptions":
		s.c.TranscriptionRequests++
	}
	s.c.TotalRequests++
	if u.ErrorKind != "" {
		s.c.Errors++
	}
	k := u.Tokens
	s.c.InputTokens += k.Input + k.CachedInput + k.CacheWrite
	s.c.OutputTokens += k.Output + k.Reasoning
	s.c.TotalTokens += k.Input + k.CachedInput + k.CacheWrite + k.Output + k.Reasoning
	s.c.CachedTokens += k.CachedInput
	s.c.CachingTokens += k.CacheWrite
	s.c.ReasoningTokens += k.Reasoning
	s.pico.Add(&s.pico, big.NewInt(u.CostPico))
	s.latencies = append(s.latencies, schemas.BucketIndex(u.LatencyUs))
}

func (s *tally) counters() usage.Counters {
	c := s.c
	digits := fmt.Sprintf("%013s", s.pico.String())
	text := digits[:len(digits)-12] + "." + digits[len(digits)-12:]
	c.Spend = usage.NewUSD(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
	slices.Sort(s.latencies)
	at := func(level float64) float64 {
		return float64(schemas.BucketValue(s.latencies[int(math.Ceil(level*float64(len(s.latencies))))-1])) / 1000
	}
	c.P50, c.P95, c.P99 = at(0.5), at(0.95), at(0.99)
	return c
}

// wantUsage is the answer as plain loops over the calls make it.
func wantUsage(q *usage.Query, calls []*schemas.UsageRecorded) *usage.Answer {
	answer := usage.NewAnswer(q)
	type period struct {
		total  tally
		groups map[string]*tally
	}
	periods := make(map[time.Time]*period)
	for _, u := range calls {
		at := time.UnixMicro(u.OccurredAt).UTC()
		if u.Dimensions.OrgId != q.OrgID || q.KeyID != "" && u.Dimensions.KeyId != q.KeyID || at.Before(q.Start) || !at.Before(q.End) {
			continue
		}
		start := q.Resolution.Floor(at)
		if periods[start] == nil {
			periods[start] = &period{groups: make(map[string]*tally)}
		}
		p := periods[start]
		p.total.add(u)
		if len(q.GroupBy) == 0 {
			continue
		}
		for _, values := range groupsOf(q, u) {
			encoded, _ := json.Marshal(values)
			if p.groups[string(encoded)] == nil {
				p.groups[string(encoded)] = new(tally)
			}
			p.groups[string(encoded)].add(u)
		}
	}
	for start, p := range periods {
		answer.SetTotal(start, p.total.counters())
		for encoded, s := range p.groups {
			g := usage.Group{Counters: s.counters()}
			_ = json.Unmarshal([]byte(encoded), &g.Values)
			answer.AddGroup(start, g)
		}
	}
	return answer
}

// groupsOf are the groups that a call is in: one, or one for each of its tags.
func groupsOf(q *usage.Query, u *schemas.UsageRecorded) []map[string]string {
	d := u.Dimensions
	one := make(map[string]string)
	for _, name := range q.GroupBy {
		entry, isExtra := strings.CutPrefix(name, usage.ExtraPrefix)
		switch {
		case isExtra:
			one[name] = d.Extra[entry]
		case name == usage.ModelUsed && u.Provider != "" && u.Model != "":
			one[name] = u.Provider + "/" + u.Model
		case name == usage.ModelUsed:
			one[name] = u.Provider + u.Model
		case name == usage.GroupName:
			one[name] = cmp.Or(q.GroupNames[d.GroupId], d.GroupId)
		case name != usage.Tag:
			one[name] = map[string]string{
				usage.ModelRequested: d.RequestedModel, usage.ProviderUsed: u.Provider, usage.APIKeyID: d.KeyId, usage.UserID: d.UserId,
				usage.GroupID: d.GroupId, usage.Project: d.Project, usage.IsBYOK: fmt.Sprint(u.Byok), usage.OriginTitle: d.OriginTitle,
			}[name]
		}
	}
	if !slices.Contains(q.GroupBy, usage.Tag) {
		return []map[string]string{one}
	}
	tags := slices.Clone(d.Tags)
	slices.Sort(tags)
	if tags = slices.Compact(tags); len(tags) == 0 {
		tags = []string{""}
	}
	var groups []map[string]string
	for _, tag := range tags {
		g := map[string]string{usage.Tag: tag}
		for name, value := range one {
			g[name] = value
		}
		groups = append(groups, g)
	}
	return groups
}

// compareUsage compares two answers; groups may stand in any order.
func compareUsage(want, got *usage.Answer) string {
	byValues := func(a, b usage.Group) int {
		left, _ := json.Marshal(a.Values)
		right, _ := json.Marshal(b.Values)
		return cmp.Compare(string(left), string(right))
	}
	for _, a := range []*usage.Answer{want, got} {
		for _, p := range a.Usage {
			slices.SortFunc(p.Grouped, byValues)
		}
	}
	return gocmp.Diff(want, got, gocmp.Transformer("decimal", usage.USD.String))
}

// One ledger for all questions, since a database takes as long to make as they
// do; the last test empties the table usage.
func TestUsage(t *testing.T) {
	db := openMigrated(t)
	ranges := usageRanges()
	calls := append(randomCalls(1, 4000), edgeCalls(ranges)...)
	seedUsage(t, db, calls)
	t.Run("every grouping is the sum of its calls", func(t *testing.T) { testGroupings(t, db, calls, ranges) })
	t.Run("no id is SQL", func(t *testing.T) { testIDs(t, db) })
	t.Run("the dearest group is the first", func(t *testing.T) { testOrder(t, db) })
	t.Run("it is read from rollups where they know", func(t *testing.T) { testRollups(t, db, calls) })
}

const day = 24 * time.Hour

type usageRange struct{ start, end time.Time }

func usageRanges() []usageRange {
	return []usageRange{
		{noon.Truncate(day).Add(-60 * day), noon.Truncate(day)}, // whole days
		{noon.Add(-30 * day), noon},                             // whole hours
		{noon.Add(-71*day - 1234567*time.Microsecond), noon.Add(20*time.Minute + time.Microsecond)},
		{noon.Add(-10*day + 5*time.Minute), noon.Add(-10*day + 50*time.Minute)}, // within an hour
		{noon.Add(-3*day + 5*time.Minute), noon.Add(-3*day + 7*time.Hour)},      // within a day
		{noon.Truncate(day).Add(-2 * day), noon.Truncate(day).Add(-2*day + time.Microsecond)},
	}
}

// edgeCalls are on every edge of what is asked for and of what rollups answer, and
// just before it.
func edgeCalls(ranges []usageRange) (calls []*schemas.UsageRecorded) {
	for _, within := range ranges {
		for _, edge := range []time.Time{within.start, within.end} {
			for _, at := range []time.Time{edge, edge.Truncate(time.Hour), edge.Truncate(time.Hour).Add(time.Hour), edge.Truncate(day), edge.Truncate(day).Add(day)} {
				for _, at := range []time.Time{at, at.Add(-time.Microsecond)} {
					u := randomCalls(uint64(at.UnixMicro()), 1)[0]
					u.Dimensions.OrgId, u.OccurredAt = "org_a", at.UnixMicro()
					calls = append(calls, u)
				}
			}
		}
	}
	return calls
}

func testGroupings(t *testing.T, db *DB, calls []*schemas.UsageRecorded, ranges []usageRange) {
	t.Helper()
	nobodys := usage.ExtraPrefix + strings.Repeat("n", usage.MaxExtraName)
	groupings := [][]string{nil, {"extra.feature"}, {nobodys}, {usage.Tag, usage.UserID}, {usage.Tag, "extra.feature", usage.ModelUsed}}
	for _, name := range usage.Dimensions() {
		groupings = append(groupings, []string{name})
	}
	groupings = append(groupings, []string{usage.GroupName, usage.ModelUsed, usage.IsBYOK, usage.APIKeyID, usage.ProviderUsed, usage.GroupID, usage.Project, usage.OriginTitle})
	for names := range slices.Chunk(strange, 6) {
		var groupBy []string
		for _, name := range names {
			groupBy = append(groupBy, usage.ExtraPrefix+name)
		}
		groupings = append(groupings, groupBy)
	}
	resolutions := []usage.Resolution{usage.Hour, usage.Day, usage.Month}
	n := 0
	for _, groupBy := range groupings {
		for i, within := range ranges {
			for _, key := range []string{"", "key_2"} {
				if n++; i+1 < len(ranges) && n%5 > 0 && len(groupBy) > 0 {
					continue // a fifth of all combinations is plenty
				}
				q := usage.Query{OrgID: "org_a", KeyID: key, Start: within.start, End: within.end, Resolution: resolutions[n/5%3], GroupBy: groupBy}
				if q.ByGroupName() && i%2 == 0 {
					// Two groups of one name are one; a third has none.
					q.GroupNames = map[string]string{"grp_1": `the "team's"\`, "grp_2": `the "team's"\`, "grp_9": "unused"}
				}
				got, err := db.Usage(t.Context(), q)
				if err != nil {
					t.Fatalf("%v: %v", q, err)
				}
				if diff := compareUsage(wantUsage(&q, calls), got); diff != "" {
					t.Fatalf("%v (-want +got):\n%s", q, diff)
				}
			}
		}
	}
}

func testRollups(t *testing.T, db *DB, calls []*schemas.UsageRecorded) {
	t.Helper()
	execute(t, db, "TRUNCATE TABLE usage")
	midnight := noon.Truncate(day)
	for _, resolution := range []usage.Resolution{usage.Hour, usage.Day, usage.Month} {
		q := usage.Query{OrgID: "org_a", Start: midnight.AddDate(0, 0, -80), End: midnight, Resolution: resolution, GroupBy: []string{usage.ModelUsed, usage.GroupName}}
		got, err := db.Usage(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := compareUsage(wantUsage(&q, calls), got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", resolution, diff)
		}
	}
}

// Names of extra entries are in testGroupings.
func testIDs(t *testing.T, db *DB) {
	t.Helper()
	for _, id := range append(strange, `org_a' OR '1' = '1`, `org_a\' OR 1 = 1 --`, `{key:String}`) {
		for _, ids := range [][2]string{{id, ""}, {"org_a", id}} {
			answer, err := db.Usage(t.Context(), usage.Query{OrgID: ids[0], KeyID: ids[1], Start: noon.AddDate(0, 0, -90), End: noon, Resolution: usage.Month})
			if err != nil {
				t.Fatalf("%q: %v", ids, err)
			}
			for start, p := range answer.Usage {
				if p.TotalRequests != 0 {
					t.Errorf("%q: %d calls in %s, want none", ids, p.TotalRequests, start)
				}
			}
		}
	}
}

func testOrder(t *testing.T, db *DB) {
	t.Helper()
	answer, err := db.Usage(t.Context(), usage.Query{OrgID: "org_a", Start: noon.AddDate(0, 0, -99), End: noon, Resolution: usage.Month, GroupBy: []string{usage.UserID}})
	if err != nil {
		t.Fatal(err)
	}
	for start, p := range answer.Usage {
		amounts := make([]*big.Rat, len(p.Grouped))
		for i, g := range p.Grouped {
			amounts[i], _ = new(big.Rat).SetString(g.Spend.String())
		}
		if !slices.IsSortedFunc(amounts, func(a, b *big.Rat) int { return b.Cmp(a) }) {
			t.Errorf("%s: groups are not in the order of their spend: %v", start, amounts)
		}
	}
}

// Every name that a query may group by has its columns, and what is asked of the
// rollups is there.
func TestEveryDimensionHasItsColumns(t *testing.T) {
	for _, name := range usage.Dimensions() {
		if usageGroupings[name].sql == "" {
			t.Errorf("%s has no SQL", name)
		}
	}
	if len(usageGroupings) != len(usage.Dimensions()) {
		t.Errorf("got %d groupings, want %d", len(usageGroupings), len(usage.Dimensions()))
	}
}

func TestUsageRefusesWhatCannotBe(t *testing.T) {
	db := openMigrated(t)
	good := usage.Query{OrgID: "o", Start: noon, End: noon.Add(time.Hour), Resolution: usage.Hour, GroupBy: []string{usage.UserID}}
	var field *usage.FieldError
	bad := good
	bad.GroupBy = []string{"user_id FROM requests"}
	if _, err := db.Usage(t.Context(), bad); !errors.As(err, &field) || field.Field != "group_by" {
		t.Errorf("got %v, want an error of group_by", err)
	}
	execute(t, db, `INSERT INTO usage (org_id, occurred_at, user_id) SELECT 'o', fromUnixTimestamp64Micro(?, 'UTC'), toString(number) FROM numbers(?)`, noon.UnixMicro(), maxUsageGroups)
	if answer, err := db.Usage(t.Context(), good); err != nil || len(answer.Usage["2026-11-22T12:00:00Z"].Grouped) != maxUsageGroups {
		t.Errorf("as many groups as there may be: got %v", err)
	}
	execute(t, db, `INSERT INTO usage (org_id, occurred_at, user_id) SELECT 'o', fromUnixTimestamp64Micro(?, 'UTC'), 'one more'`, noon.UnixMicro())
	if _, err := db.Usage(t.Context(), good); !errors.As(err, &field) || field.Field != "group_by" || !strings.Contains(field.Problem, "50000 groups") {
		t.Errorf("one more: got %v, want an error of group_by", err)
	}
	execute(t, db, "DROP TABLE usage")
	if _, err := db.Usage(t.Context(), good); err == nil || errors.As(err, &field) {
		t.Errorf("without a table: got %v, want an error that is nobody's field", err)
	}
}
