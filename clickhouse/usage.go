package clickhouse

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"weir/clickhouse/usage"
	"weir/schemas"
)

//go:embed queries/usage/*.sql
var usageQueries embed.FS

// maxUsageGroups bounds the groups of one answer, all periods together.
const maxUsageGroups = 50_000

// usageMemory bounds what one statement of a usage answer takes from the server.
const usageMemory = 4_000_000_000

// Usage answers from the rollups where they know what is asked for, whole hours
// or days at a time, and from the ledger else. Both follow the log on their own:
// of the last seconds, one may know more than the other. An error that is no
// usage.FieldError is ClickHouse's.
func (db *DB) Usage(ctx context.Context, q usage.Query) (*usage.Answer, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	plan := planUsage(&q)
	answer := usage.NewAnswer(&q)
	err := db.usageRows(ctx, plan, nil, func(start time.Time, _ []string, c usage.Counters) { answer.SetTotal(start, c) })
	if err != nil || len(q.GroupBy) == 0 {
		return answer, err
	}
	n := 0
	err = db.usageRows(ctx, plan, q.GroupBy, func(start time.Time, values []string, c usage.Counters) {
		if n++; n > maxUsageGroups {
			return
		}
		g := usage.Group{Values: make(map[string]string, len(values)), Counters: c}
		for i, name := range q.GroupBy {
			g.Values[name] = values[i]
		}
		answer.AddGroup(start, g)
	})
	if err == nil && n > maxUsageGroups {
		err = &usage.FieldError{Field: "group_by", Problem: fmt.Sprintf(
			"makes more than %d groups; ask for a shorter time, a coarser resolution or fewer groupings", maxUsageGroups)}
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// usagePlan is a query, cut into what is read where. Totals and groups are read
// from the same tables, so that they agree.
type usagePlan struct {
	*usage.Query
	// The rollups of unit answer for [wholeStart, wholeEnd), which is empty where
	// they cannot, and the ledger for the rest.
	unit                 Resolution
	wholeStart, wholeEnd time.Time
}

func planUsage(q *usage.Query) usagePlan {
	p := usagePlan{Query: q, wholeStart: q.End, wholeEnd: q.End}
	for _, name := range q.GroupBy {
		if !usageGroupings[name].rollups {
			return p
		}
	}
	units := []Resolution{Hour}
	if q.Resolution != usage.Hour {
		units = []Resolution{Day, Hour}
	}
	for _, unit := range units {
		from := unit.Start(q.Start)
		if from.Before(q.Start) {
			from = from.Add(unit.length())
		}
		if upto := unit.Start(q.End); from.Before(upto) {
			p.unit, p.wholeStart, p.wholeEnd = unit, from, upto
			return p
		}
	}
	return p
}

// length is that of a bucket of time.
func (r Resolution) length() time.Duration {
	switch r {
	case Minute:
		return time.Minute
	case Hour:
		return time.Hour
	default:
		return 24 * time.Hour
	}
}

// usageGrouping is how calls are grouped by one name.
type usageGrouping struct {
	sql     string
	rollups bool // the rollups by key have the columns too
}

// usageGroupings are by the names that usage.Dimensions lists.
var usageGroupings = map[string]usageGrouping{
	usage.ModelRequested: {"requested_model", false},
	usage.ModelUsed:      {"if(empty(provider) OR empty(model), concat(provider, model), concat(provider, '/', model))", true},
	usage.ProviderUsed:   {"provider", true},
	usage.APIKeyID:       {"key_id", true},
	usage.UserID:         {"user_id", false},
	usage.GroupID:        {"group_id", true},
	usage.GroupName:      {"transform(toString(group_id), {group_ids:Array(String)}, {group_names:Array(String)}, toString(group_id))", true},
	usage.Project:        {"project", true},
	usage.IsBYOK:         {"if(byok, 'true', 'false')", true},
	usage.OriginTitle:    {"origin_title", true},
	// The rollups by tag hold what the configuration counts as tags, too.
	usage.Tag: {"arrayJoin(if(empty(tags), [''], arrayDistinct(tags)))", false},
}

// usagePeriods are the beginnings of the periods, in seconds since the epoch.
var usagePeriods = map[usage.Resolution]string{
	usage.Hour:  "toUnixTimestamp(toStartOfHour(%s, 'UTC'))",
	usage.Day:   "toUnixTimestamp(toStartOfDay(%s, 'UTC'))",
	usage.Month: "toUnixTimestamp(toDateTime(toStartOfMonth(%s, 'UTC'), 'UTC'))",
}

// statement returns the query for one grouping, none for the totals, and its
// parameters, which the server puts in: nothing that a caller wrote is in the text.
func (p usagePlan) statement(groupBy []string) (text string, parameters []any, err error) {
	parameters = []any{
		clickhouse.Named("org", p.OrgID), clickhouse.Named("key", p.KeyID),
		clickhouse.Named("start", p.Start.UnixMicro()), clickhouse.Named("end", p.End.UnixMicro()),
		clickhouse.Named("whole_start", p.wholeStart.UnixMicro()), clickhouse.Named("whole_end", p.wholeEnd.UnixMicro()),
		clickhouse.Named("limit", maxUsageGroups+1),
	}
	columns := make([]string, len(groupBy))
	for i, name := range groupBy {
		entry, isExtra := strings.CutPrefix(name, usage.ExtraPrefix)
		switch {
		case isExtra:
			columns[i] = fmt.Sprintf("extra[{extra_%d:String}]", i)
			parameters = append(parameters, clickhouse.Named(fmt.Sprintf("extra_%d", i), entry))
		case name == usage.GroupName && len(p.GroupNames) == 0:
			columns[i] = usageGroupings[usage.GroupID].sql // transform wants something to look for
		case name == usage.GroupName:
			columns[i] = usageGroupings[name].sql
			ids := slices.Sorted(maps.Keys(p.GroupNames))
			names := make([]string, len(ids))
			for j, id := range ids {
				names[j] = p.GroupNames[id]
			}
			parameters = append(parameters, clickhouse.Named("group_ids", ids), clickhouse.Named("group_names", names))
		default:
			columns[i] = usageGroupings[name].sql
		}
	}
	groups := "CAST([" + strings.Join(columns, ", ") + "], 'Array(String)')"
	period := usagePeriods[p.Resolution]

	parts, err := fillIn("calls", "period", fmt.Sprintf(period, "u.occurred_at"), "groups", groups, "latency", bucketIndex("u.latency_ms"))
	if err != nil {
		return "", nil, err
	}
	if p.wholeStart.Before(p.wholeEnd) {
		rollup, bucket := "spend_by_key_1h", "u.hour"
		if p.unit == Day {
			rollup, bucket = "spend_by_key_1d", "u.day"
		}
		more, err := fillIn("rollups", "period", fmt.Sprintf(period, bucket), "groups", groups, "rollup", rollup, "bucket", bucket)
		if err != nil {
			return "", nil, err
		}
		parts += " UNION ALL " + more
	}
	text, err = fillIn("sums", "parts", parts)
	return text, parameters, err
}

// fillIn returns a query of the folder queries/usage with its places filled in.
func fillIn(name string, placesAndTexts ...string) (string, error) {
	text, err := usageQueries.ReadFile("queries/usage/" + name + ".sql")
	if err != nil {
		return "", err
	}
	for i := 0; i < len(placesAndTexts); i += 2 {
		placesAndTexts[i] = "/*" + placesAndTexts[i] + "*/"
	}
	return strings.NewReplacer(placesAndTexts...).Replace(string(text)), nil
}

// usageRows calls fn for every period and group, in the answer's order.
func (db *DB) usageRows(ctx context.Context, p usagePlan, groupBy []string, fn func(start time.Time, values []string, c usage.Counters)) error {
	text, parameters, err := p.statement(groupBy)
	if err != nil {
		return fmt.Errorf("ask for usage: %w", err)
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_memory_usage": usageMemory}))
	rows, err := db.conn.Query(ctx, text, parameters...)
	if err != nil {
		return fmt.Errorf("ask for usage: %w", err)
	}
	err = each(rows, func() error {
		var (
			period            uint32
			values            []string
			c                 usage.Counters
			uncached, visible int64
			spend             string
			percentiles       []uint16
		)
		err := rows.Scan(&period, &values,
			&c.CompletionsRequests, &c.EmbeddingRequests, &c.ImageRequests, &c.SpeechRequests, &c.TranscriptionRequests, &c.TotalRequests, &c.Errors,
			&uncached, &c.CachedTokens, &c.CachingTokens, &visible, &c.ReasoningTokens, &spend, &percentiles)
		if err != nil {
			return err
		}
		c.Spend = usage.NewUSD(spend)
		c.InputTokens, c.OutputTokens = uncached+c.CachedTokens+c.CachingTokens, visible+c.ReasoningTokens
		c.TotalTokens = c.InputTokens + c.OutputTokens
		for i, to := range []*float64{&c.P50, &c.P95, &c.P99} {
			*to = float64(schemas.BucketValue(percentiles[i])) / 1000
		}
		fn(time.Unix(int64(period), 0).UTC(), values, c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask for usage: %w", err)
	}
	return nil
}
