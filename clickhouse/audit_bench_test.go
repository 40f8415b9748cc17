package clickhouse

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"weir/schemas"
)

// auditRows is how many calls the benchmark makes: WEIR_AUDIT_ROWS, or a million.
func auditRows(b *testing.B) int {
	text := os.Getenv("WEIR_AUDIT_ROWS")
	if text == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// calls is the SQL of one column after the other of synthetic calls: 90 days, 20
// keys, 5,000 users, 6 models, two tags and a feature.
const auditUsage = `INSERT INTO usage (request_id, occurred_at, org_id, project, key_id, user_id, tags, extra, origin_title, endpoint,
		requested_model, model, provider, cache, status, error_kind, input_tokens, cached_input_tokens, output_tokens, cost_usd,
		latency_ms, ttft_ms, attempts, price_version, node, seq, kafka_partition, kafka_offset)
	SELECT 'req_' || leftPad(hex(number), 26, '0'), fromUnixTimestamp64Micro(%[1]d + toInt64(number * %[2]d), 'UTC'), 'org_default',
		'prj_' || toString(rand(1) %% 5), 'key_' || toString(rand(2) %% 20), 'user-' || toString(rand(3) %% 5000),
		['prod', 'team-' || toString(rand(4) %% 8)], map('feature', 'feature-' || toString(rand(5) %% 12)), 'App', 'chat.completions',
		'openai/gpt-4o-mini', 'model-' || toString(rand(6) %% 6), if(rand(6) %% 2 = 0, 'openai', 'anthropic'), if(rand(9) %% 20 = 0, 'HIT', 'MISS'), 200,
		if(rand(10) %% 50 = 0, 'server_error', ''), 100 + rand(11) %% 4000, rand(12) %% 1000, 20 + rand(13) %% 800,
		toDecimal128(rand(14) %% 1000000, 12) / 100000000, toDecimal64(200 + (rand(15) %% 3000000) / 1000, 3), toDecimal64(100 + (rand(16) %% 400000) / 1000, 3),
		1, '2026-11-01', '01JD000000000000000000000' || toString(intDiv(number, 5000000)), number * 3 + 3, number %% 6, intDiv(number, 6)
	FROM numbers(%[3]d, %[4]d)`

// The cost of what an audit reads in ClickHouse: CPU by the server's own count.
func BenchmarkAudit(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Addr, cfg.Database = server.Addr(), "bench_audit"
	if err := Migrate(b.Context(), cfg); err != nil {
		b.Fatal(err)
	}
	db, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	run := func(statement string) {
		b.Helper()
		ctx := clickhouse.Context(b.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_partitions_per_insert_block": 0, "max_threads": 1, "max_execution_time": 0}))
		if err := db.conn.Exec(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	n, step := auditRows(b), 1_000_000
	const span = 90 * 24 * time.Hour
	begin := time.Now().Add(-span).UnixMicro()
	for from := 0; from < n; from += step {
		run(fmt.Sprintf(auditUsage, begin, span.Microseconds()/int64(n), from, min(step, n-from)))
	}
	for i, table := range []string{"requests", "responses"} {
		run(fmt.Sprintf("INSERT INTO %s (request_id, occurred_at, org_id, node, seq, kafka_partition, kafka_offset) SELECT request_id, occurred_at, org_id, node, seq - %d, kafka_partition, kafka_offset FROM usage", table, 2-i))
	}
	// Rollups as a few thousand series make them.
	for d, value := range map[string]string{"key": "key_id", "user": "user_id", "tag": "arrayJoin(tags)"} {
		for r, bucket := range map[string]string{"1m": "toStartOfMinute", "1h": "toStartOfHour", "1d": "toStartOfDay"} {
			run(fmt.Sprintf(`INSERT INTO rollups_1 (dimension, resolution, bucket, org_id, value, model, provider, kafka_partition, last_offset, requests, cost_usd, latency)
				SELECT '%s', '%s', %s(occurred_at), org_id, %s AS v, model, provider, kafka_partition, max(kafka_offset), count(), sum(cost_usd), map(toUInt16(500), count(), 501, 1)
				FROM usage WHERE occurred_at > now() - INTERVAL if('%[2]s' = '1m', 7, 400) DAY GROUP BY 3, 4, v, 6, 7, 8`, d, r, bucket, value))
		}
	}
	var rollups uint64
	if err := db.conn.QueryRow(b.Context(), "SELECT count() FROM rollups_1").Scan(&rollups); err != nil {
		b.Fatal(err)
	}
	upto := make(map[int32]int64)
	ranges := make(map[string]SeqRange)
	for p := range int32(6) {
		upto[p] = int64(n)
	}
	for i := range n/5_000_000 + 1 {
		ranges[fmt.Sprintf("01JD000000000000000000000%d", i)] = SeqRange{1, 1 << 40}
	}
	minutes := time.Now().Add(-7 * 24 * time.Hour).Truncate(time.Hour)
	for name, part := range map[string]struct {
		rows int
		run  func(context.Context) error
	}{
		"facts": {3 * n, func(ctx context.Context) error {
			for _, t := range []schemas.Topic{schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage} {
				if _, err := db.FactSums(ctx, t, upto); err != nil {
					return err
				}
			}
			return nil
		}},
		"nodes": {3 * n, func(ctx context.Context) error { _, err := db.NodeSeqs(ctx, ranges); return err }},
		"usage": {n, func(ctx context.Context) error {
			_, err := db.UsageSums(ctx, UsageSpan{Upto: upto, Minutes: minutes, ExtraTags: []string{"feature"}})
			return err
		}},
		"rollups": {int(rollups), func(ctx context.Context) error {
			_, err := db.RollupSums(ctx, 1, minutes, time.Time{}, nil)
			return err
		}},
	} {
		b.Run(name, func(b *testing.B) {
			var cpu, peak int64
			ctx := clickhouse.Context(b.Context(), clickhouse.WithProfileEvents(func(events []clickhouse.ProfileEvent) {
				for _, e := range events {
					switch e.Name {
					case "UserTimeMicroseconds", "SystemTimeMicroseconds":
						cpu += e.Value
					case "MemoryTrackerPeakUsage":
						peak = max(peak, e.Value)
					}
				}
			}))
			for b.Loop() {
				if err := part.run(ctx); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpu)*1000/float64(b.N)/float64(part.rows), "cpu-ns/row")
			b.ReportMetric(float64(peak)/1e6, "peak-MB")
			b.ReportMetric(float64(part.rows), "rows")
		})
	}
}
