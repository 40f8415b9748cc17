package clickhouse

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"weir/schemas"
)

// A rollup is compared with usage by sums that do not depend on how rows were
// added up before: each row counts a mix of its measures times a hash of what it
// is grouped by, modulo 2^64. Rows that add up to the same count the same, and a
// figure that stands under another key, or differs in any digit of any measure,
// counts something else.

// RollupBucket names the rows of one rollup, one bucket of time and one Kafka
// partition.
type RollupBucket struct {
	Dimension  Dimension
	Resolution Resolution
	Bucket     int64 // seconds since the epoch
	Partition  int32
}

// String is the name of the view that shows the rollup.
func (b RollupBucket) String() string {
	dimension := [...]string{ByKey: "key", ByUser: "user", ByTag: "tag"}[b.Dimension]
	return "spend_by_" + dimension + [...]string{Minute: "_1m", Hour: "_1h", Day: "_1d"}[b.Resolution]
}

// Seconds is the length of a bucket.
func (r Resolution) Seconds() int64 { return [...]int64{Minute: 60, Hour: 3600, Day: 86400}[r] }

// RollupSum is what a bucket adds up to.
type RollupSum struct {
	Requests, Checksum uint64
	// LastOffset is the greatest offset of the events in it; of rollups only.
	LastOffset int64
}

// Same tells whether two sums are of the same events.
func (s RollupSum) Same(o RollupSum) bool {
	return s.Requests == o.Requests && s.Checksum == o.Checksum
}

// measure is a column of the rollups, with the SQL that it is the sum of in usage.
type measure struct{ name, usage string }

var measures = []measure{
	{"requests", "toUInt64(1)"},
	{"errors", "toUInt64(error_kind != '')"},
	{"cache_hits", "toUInt64(cache = 'HIT')"},
	{"input_tokens", "toUInt64(input_tokens)"},
	{"cached_input_tokens", "toUInt64(cached_input_tokens)"},
	{"cache_write_tokens", "toUInt64(cache_write_tokens)"},
	{"output_tokens", "toUInt64(output_tokens)"},
	{"reasoning_tokens", "toUInt64(reasoning_tokens)"},
	{"cost_usd", "toUInt64(reinterpretAsInt128(cost_usd))"},
	{"saved_usd", "toUInt64(reinterpretAsInt128(saved_usd))"},
}

// factor is an odd number that is a measure's own.
func factor(i int) string {
	return fmt.Sprintf("toUInt64(%d)", (uint64(i)*0x9E3779B97F4A7C15+0xD1B54A32D192ED03)|1)
}

// bucketIndex is schemas.BucketIndex of a Decimal(18, 3) of milliseconds: the
// length in bits is exact, since a half lies between any two whole numbers.
func bucketIndex(column string) string {
	us := fmt.Sprintf("least(greatest(reinterpretAsInt64(%s), 0), %d)", column, int64(schemas.MaxBucketUS))
	shift := fmt.Sprintf("(toUInt8(greatest(log2(%s + 0.5), 5)) - 5)", us)
	return fmt.Sprintf("toUInt64(%s * 32 + bitShiftRight(%s, %s))", shift, us, shift)
}

const (
	latencySalt = 1 << 20
	ttftSalt    = 2 << 20
)

// usageMix is the mix of measures of a row of usage.
func usageMix() string {
	var terms []string
	for i, m := range measures {
		terms = append(terms, factor(i)+" * "+m.usage)
	}
	terms = append(terms,
		fmt.Sprintf("intHash64(%s + %d)", bucketIndex("latency_ms"), latencySalt),
		fmt.Sprintf("if(ttft_ms > 0, intHash64(%s + %d), 0)", bucketIndex("ttft_ms"), ttftSalt))
	return strings.Join(terms, " + ")
}

// rollupMix is the mix of measures of a row of the rollups.
func rollupMix() string {
	var terms []string
	for i, m := range measures {
		value := "toUInt64(" + m.name + ")"
		if strings.HasSuffix(m.name, "_usd") {
			value = "toUInt64(reinterpretAsInt128(" + m.name + "))"
		}
		terms = append(terms, factor(i)+" * "+value)
	}
	for _, h := range []struct {
		name string
		salt int
	}{{"latency", latencySalt}, {"ttft", ttftSalt}} {
		terms = append(terms, fmt.Sprintf("arraySum((i, n) -> n * intHash64(toUInt64(i) + %d), mapKeys(%s), mapValues(%s))", h.salt, h.name, h.name))
	}
	return strings.Join(terms, " + ")
}

// shared are what all rows are grouped by, keyOnly what key rows are besides;
// in the others these are empty.
var (
	shared  = []string{"org_id", "model", "provider"}
	keyOnly = []string{"project", "group_id", "endpoint", "policy", "origin_title", "error_kind"}
)

// hashOf hashes each name on its own: of a low-cardinality column ClickHouse
// then hashes the dictionary.
func hashOf(values map[string]string, names ...string) string {
	var terms []string
	for _, name := range names {
		value := name
		if v, ok := values[name]; ok {
			value = v
		}
		terms = append(terms, fmt.Sprintf("cityHash64('%s', %s)", name, value))
	}
	return strings.Join(terms, " + ")
}

// emptyKeyOnly is the part of the hash that rows of users and tags share.
func emptyKeyOnly() string {
	empty := make(map[string]string)
	for _, name := range keyOnly {
		empty[name] = "''"
	}
	return hashOf(empty, keyOnly...)
}

const byokFactor = "toUInt64(byok) * toUInt64(0xA24BAED4963EE407)"

// tagsOf is the SQL of the distinct tags of a row of usage, as rollup counts them.
func tagsOf(extraTags []string) string {
	parts := []string{"arrayMap(t -> toString(t), tags)"}
	for _, name := range extraTags {
		quoted := quote(name)
		parts = append(parts, fmt.Sprintf("if(mapContains(extra, %s), [concat(%s, extra[%s])], [])", quoted, quote(name+"="), quoted))
	}
	return "arrayDistinct(arrayConcat(" + strings.Join(parts, ", ") + "))"
}

// tagHashes is the SQL of the hashes of the distinct tags.
func tagHashes(extraTags []string) string {
	parts := []string{"arrayMap(t -> cityHash64('value', t), tags)"}
	for _, name := range extraTags {
		quoted := quote(name)
		parts = append(parts, fmt.Sprintf("if(mapContains(extra, %s), [cityHash64('value', concat(%s, extra[%s]))], [])", quoted, quote(name+"="), quoted))
	}
	return "arrayDistinct(arrayConcat(" + strings.Join(parts, ", ") + "))"
}

// quote writes a text as SQL.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// UsageSpan says which rows of usage are summed: those of the offsets [From,
// Upto) of each partition, from a time on.
type UsageSpan struct {
	From, Upto map[int32]int64
	Since      time.Time // zero for all
	// Minutes are told apart from this full hour on.
	Minutes time.Time
	// ExtraTags are the names of extra entries that count as tags.
	ExtraTags []string
}

// UsageSums adds up usage as each rollup would.
func (db *DB) UsageSums(ctx context.Context, s UsageSpan) (map[RollupBucket]RollupSum, error) {
	since := int64(0)
	if !s.Since.IsZero() {
		since = s.Since.Unix()
	}
	least := int64(math.MaxInt64)
	for p := range s.Upto {
		least = min(least, s.From[p])
	}
	rows, err := db.conn.Query(auditContext(ctx), fmt.Sprintf(`
		WITH %s AS mix, %s AS common, %s AS tag_hashes
		SELECT kafka_partition, toUnixTimestamp(if(occurred_at >= fromUnixTimestamp(%d), toStartOfMinute(occurred_at), toStartOfHour(occurred_at))) AS start,
			count(), sum(mix * intHash64(common + %s + %s + cityHash64('value', key_id))),
			sum(mix * intHash64(common + %s + cityHash64('value', user_id))),
			sum(length(tag_hashes)), sum(mix * arraySum(t -> intHash64(common + %s + t), tag_hashes))
		FROM usage
		WHERE kafka_offset >= %d AND kafka_offset >= %s AND kafka_offset < %s AND occurred_at >= fromUnixTimestamp(%d)
		GROUP BY kafka_partition, start`,
		usageMix(), hashOf(nil, shared...), tagHashes(s.ExtraTags),
		s.Minutes.Unix(), hashOf(nil, keyOnly...), byokFactor, emptyKeyOnly(), emptyKeyOnly(),
		least, below(s.From), below(s.Upto), since))
	if err != nil {
		return nil, fmt.Errorf("add up usage: %w", err)
	}
	sums := make(map[RollupBucket]RollupSum)
	err = each(rows, func() error {
		var partition int32
		var start uint32
		var found [ByTag + 1]RollupSum
		if err := rows.Scan(&partition, &start, &found[ByKey].Requests, &found[ByKey].Checksum, &found[ByUser].Checksum, &found[ByTag].Requests, &found[ByTag].Checksum); err != nil {
			return err
		}
		found[ByUser].Requests = found[ByKey].Requests
		for _, d := range []Dimension{ByKey, ByUser, ByTag} {
			for _, r := range []Resolution{Minute, Hour, Day} {
				if r == Minute && int64(start) < s.Minutes.Unix() || found[d].Requests == 0 {
					continue
				}
				b := RollupBucket{d, r, int64(start) - int64(start)%r.Seconds(), partition}
				sum := sums[b]
				sum.Requests += found[d].Requests
				sum.Checksum += found[d].Checksum
				sums[b] = sum
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("add up usage: %w", err)
	}
	return sums, nil
}

// RollupSums adds up the rollups of a generation, minutes from a time on and all
// from another on; only the given buckets when there are any.
func (db *DB) RollupSums(ctx context.Context, generation int, minutes, since time.Time, only []RollupBucket) (map[RollupBucket]RollupSum, error) {
	filter := "1"
	if len(only) > 0 {
		var list []string
		seen := make(map[string]bool)
		for _, b := range only {
			text := fmt.Sprintf("(%d, %d, %d)", b.Dimension, b.Resolution, b.Bucket)
			if !seen[text] {
				seen[text] = true
				list = append(list, text)
			}
		}
		filter = "(toInt8(dimension), toInt8(resolution), toUnixTimestamp(bucket)) IN (" + strings.Join(list, ", ") + ") AND bucket >= fromUnixTimestamp(" +
			fmt.Sprint(leastBucket(only)) + ")"
	}
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	table := fmt.Sprintf("rollups_%d", generation)
	rows, err := db.conn.Query(auditContext(ctx), fmt.Sprintf(`
		SELECT toInt8(dimension) AS d, toInt8(resolution) AS r, toInt64(toUnixTimestamp(bucket)) AS b, kafka_partition,
			sum(requests), sum((%s) * intHash64(%s + %s + %s + cityHash64('value', value))), max(last_offset)
		FROM %s
		WHERE bucket >= fromUnixTimestamp(%d) AND (resolution != '1m' OR bucket >= fromUnixTimestamp(%d)) AND %s
		GROUP BY d, r, b, kafka_partition`,
		rollupMix(), hashOf(nil, shared...), hashOf(nil, keyOnly...), byokFactor, table, since.Unix(), minutes.Unix(), filter))
	if err != nil {
		return nil, fmt.Errorf("add up %s: %w", table, err)
	}
	sums := make(map[RollupBucket]RollupSum)
	err = each(rows, func() error {
		var b RollupBucket
		var d, r int8
		var s RollupSum
		err := rows.Scan(&d, &r, &b.Bucket, &b.Partition, &s.Requests, &s.Checksum, &s.LastOffset)
		b.Dimension, b.Resolution = Dimension(d), Resolution(r)
		sums[b] = s
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add up %s: %w", table, err)
	}
	return sums, nil
}

func leastBucket(only []RollupBucket) int64 {
	least := only[0].Bucket
	for _, b := range only {
		least = min(least, b.Bucket)
	}
	return least
}

// RollupDifference is a group of a rollup that is not the sum of its rows of usage.
type RollupDifference struct {
	OrgID, Value, Model, Provider string
	Measure, Found, Expected      string // the first measure that differs
}

// RollupDifferences names up to limit groups of a bucket that differ from the
// rows of usage at offsets below upto, and how many there are.
func (db *DB) RollupDifferences(ctx context.Context, generation int, b RollupBucket, upto int64, extraTags []string, limit int) ([]RollupDifference, uint64, error) {
	var usage, rollup, merged []string
	for _, m := range measures {
		plain := m.usage
		if strings.HasSuffix(m.name, "_usd") {
			plain = m.name
		}
		usage = append(usage, fmt.Sprintf("toString(sum(%s)) AS expected_%s", plain, m.name))
		rollup = append(rollup, fmt.Sprintf("toString(sum(t.%s)) AS found_%s", m.name, m.name))
		merged = append(merged, fmt.Sprintf("if(expected_%[1]s = '', '0', expected_%[1]s) != if(found_%[1]s = '', '0', found_%[1]s), ('%[1]s', if(found_%[1]s = '', '0', found_%[1]s), if(expected_%[1]s = '', '0', expected_%[1]s))", m.name))
	}
	for _, h := range []struct {
		name, where string
		salt        int
	}{{"latency", "1", latencySalt}, {"ttft", "ttft_ms > 0", ttftSalt}} {
		usage = append(usage, fmt.Sprintf("toString(sumIf(intHash64(%s + %d), %s)) AS expected_%s", bucketIndex(h.name+"_ms"), h.salt, h.where, h.name))
		rollup = append(rollup, fmt.Sprintf("toString(sum(arraySum((i, n) -> n * intHash64(toUInt64(i) + %d), mapKeys(t.%s), mapValues(t.%s)))) AS found_%s", h.salt, h.name, h.name, h.name))
		merged = append(merged, fmt.Sprintf("if(expected_%[1]s = '', '0', expected_%[1]s) != if(found_%[1]s = '', '0', found_%[1]s), ('histogram of %[1]s', 'other', '')", h.name))
	}
	// The groups have names of their own: an alias would hide the column in the measures.
	group := []string{"g_org_id", "g_value", "g_model", "g_provider"}
	value := map[Dimension]string{ByKey: "toString(key_id)", ByUser: "user_id", ByTag: "arrayJoin(" + tagsOf(extraTags) + ")"}[b.Dimension]
	columns := "toString(org_id) AS g_org_id, " + value + " AS g_value, toString(model) AS g_model, toString(provider) AS g_provider"
	found := "toString(org_id) AS g_org_id, value AS g_value, toString(model) AS g_model, toString(provider) AS g_provider"
	for _, name := range append(slices.Clone(keyOnly), "byok") {
		group = append(group, "g_"+name)
		found += fmt.Sprintf(", toString(%s) AS g_%[1]s", name)
		switch {
		case b.Dimension == ByKey:
			columns += fmt.Sprintf(", toString(%s) AS g_%[1]s", name)
		case name == "byok":
			columns += ", 'false' AS g_byok"
		default:
			columns += ", '' AS g_" + name
		}
	}
	statement := fmt.Sprintf(`
		SELECT g_org_id, g_value, g_model, g_provider, multiIf(%s, ('', '', '')) AS difference, count() OVER () AS groups
		FROM (SELECT %s, %s FROM usage
			WHERE kafka_partition = %d AND kafka_offset < %d AND occurred_at >= fromUnixTimestamp(%d) AND occurred_at < fromUnixTimestamp(%d)
			GROUP BY %s) AS u
		FULL OUTER JOIN (SELECT %s, %s FROM rollups_%d AS t
			WHERE kafka_partition = %d AND toInt8(dimension) = %d AND toInt8(resolution) = %d AND bucket = fromUnixTimestamp(%d)
			GROUP BY %s) AS r USING (%s)
		WHERE difference.1 != '' ORDER BY g_value, g_model LIMIT %d`,
		strings.Join(merged, ", "),
		columns, strings.Join(usage, ", "), b.Partition, upto, b.Bucket, b.Bucket+b.Resolution.Seconds(), strings.Join(group, ", "),
		found, strings.Join(rollup, ", "), generation, b.Partition, b.Dimension, b.Resolution, b.Bucket, strings.Join(group, ", "),
		strings.Join(group, ", "), limit)
	rows, err := db.conn.Query(auditContext(ctx), statement)
	if err != nil {
		return nil, 0, fmt.Errorf("compare %s: %w", b, err)
	}
	var list []RollupDifference
	var groups uint64
	err = each(rows, func() error {
		var d RollupDifference
		var difference []any
		if err := rows.Scan(&d.OrgID, &d.Value, &d.Model, &d.Provider, &difference, &groups); err != nil {
			return err
		}
		d.Measure, d.Found, d.Expected = fmt.Sprint(difference[0]), fmt.Sprint(difference[1]), fmt.Sprint(difference[2])
		list = append(list, d)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("compare %s: %w", b, err)
	}
	return list, groups, nil
}
