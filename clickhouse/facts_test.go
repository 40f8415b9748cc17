package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/schemas"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func fullDimensions() *schemas.Dimensions {
	return &schemas.Dimensions{
		OrgId: "org_a", Project: "prj", GroupId: "grp", KeyId: "key_a", MemberId: "mem", UserId: "u1", TraceId: "tr1",
		Tags: []string{"b", "a"}, Extra: map[string]string{"feature": "chat", "alpha": "1"},
		OriginReferer: "https://site", OriginTitle: "App", Endpoint: "chat.completions",
		RequestedModel: "mock/small", Policy: "cheap", Stream: true,
	}
}

func fullUsage(seq uint64) *schemas.UsageRecorded {
	return &schemas.UsageRecorded{
		RequestId: fmt.Sprintf("req_%026d", seq), Node: "node_a", Seq: seq, OccurredAt: noon.UnixMicro(),
		Dimensions: fullDimensions(), Model: "small", Provider: "mock", Region: "eu", ServiceTier: "flex",
		Byok: true, Cache: "MISS", Shadow: true, Status: 200, ErrorKind: "none",
		Tokens: &schemas.Tokens{Input: 1, CachedInput: 2, CacheWrite: 3, Output: 4, Reasoning: 5},
		Units:  map[string]int64{"images": 2, "audio_seconds": 7}, Estimated: true, PriceUnknown: true, TokensRejected: true,
		PriceVersion: "v1", CostPico: 1_234_567_890_123, SavedPico: -5, LatencyUs: 1_234_567, TtftUs: 1001, Attempts: 2,
	}
}

func TestUsageKeepsEveryField(t *testing.T) {
	db := openMigrated(t)
	b := NewUsageBlock()
	b.Append(Origin{At: noon.Add(time.Microsecond), Skewed: true, Partition: 3, Offset: 17}, fullUsage(9))
	b.Append(Origin{At: noon, Partition: 3, Offset: 18}, &schemas.UsageRecorded{RequestId: "req_empty", Node: "n", Seq: 10})
	if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
		t.Fatal(err)
	}
	got := query(t, db, `SELECT request_id, occurred_at, org_id, project, group_id, key_id, member_id, user_id, trace_id,
		tags, extra, origin_referer, origin_title, endpoint, requested_model, model, provider, region, service_tier, policy,
		stream, byok, cache, shadow, status, error_kind, clock_skew, input_tokens, cached_input_tokens, cache_write_tokens,
		output_tokens, reasoning_tokens, units, estimated, price_unknown, tokens_rejected, cost_usd, saved_usd, latency_ms,
		ttft_ms, attempts, price_version, node, seq, kafka_partition, kafka_offset FROM usage ORDER BY kafka_offset`)
	want := []string{
		"req_00000000000000000000000009|2026-11-22 12:00:00.000001|org_a|prj|grp|key_a|mem|u1|tr1|['b','a']|" +
			"{'alpha':'1','feature':'chat'}|https://site|App|chat.completions|mock/small|small|mock|eu|flex|cheap|" +
			"true|true|MISS|true|200|none|true|1|2|3|4|5|{'audio_seconds':7,'images':2}|true|true|true|1.234567890123|" +
			"-0.000000000005|1234.567|1.001|2|v1|node_a|9|3|17",
		"req_empty|2026-11-22 12:00:00.000000|||||||" + "|[]|{}||||||||||false|false||false|0||false|0|0|0|0|0|{}|" +
			"false|false|false|0|0|0|0|0||n|10|3|18",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows of usage (-want +got):\n%s", diff)
	}
}

func TestRequestsResponsesAndPayloadsKeepEveryField(t *testing.T) {
	db := openMigrated(t)
	requests := NewRequestBlock()
	requests.Append(Origin{At: noon, Partition: 1, Offset: 2}, &schemas.RequestReceived{
		RequestId: "req_1", Node: "n", Seq: 3, Dimensions: fullDimensions(), RequestBytes: 99,
		Budgets: []*schemas.BudgetHold{
			{BudgetId: "b1", WindowStart: noon.UnixMicro(), ReservedPico: 5}, {BudgetId: "b2", ReservedPico: 7e12},
		},
	})
	responses := NewResponseBlock()
	responses.Append(Origin{At: noon, Partition: 1, Offset: 2}, &schemas.ResponseCompleted{
		RequestId: "req_1", Node: "n", Seq: 4, OrgId: "o", KeyId: "k", Endpoint: "e", Model: "m", Provider: "p", Status: 502,
		ErrorKind: "kind", ErrorMessage: "message", ErrorOrigin: "provider", FinishReason: "stop", LatencyUs: 2_000_001,
		TtftUs: 3, ResponseBytes: 12, ClientDisconnected: true,
		Attempts: []*schemas.Attempt{
			{Provider: "p1", Model: "m1", Status: 500, ErrorKind: "boom"},
			{Provider: "p2", Model: "m2", Status: 200, Tokens: &schemas.Tokens{Input: 1, CachedInput: 2, CacheWrite: 3, Output: 4, Reasoning: 5},
				CostPico: 6, TtftUs: 7, LatencyUs: 8, UpstreamId: "up", Byok: true},
		},
	})
	responses.Append(Origin{At: noon, Partition: 1, Offset: 3}, &schemas.ResponseCompleted{RequestId: "req_2"})
	payloads := NewPayloadBlock()
	expires := time.Now().UTC().Add(48 * time.Hour).Truncate(time.Second)
	payloads.Append(Origin{At: noon, Partition: 1, Offset: 2}, &schemas.PayloadCaptured{
		RequestId: "req_1", Node: "n", Seq: 4, OrgId: "o", KeyId: "k", Request: []byte(`{"a":1}`), Response: []byte{0, 255},
		RequestTruncated: true, ExpiresAt: expires.UnixMicro(),
	})
	for _, b := range []FactBlock{requests, responses, payloads} {
		if err := db.InsertFacts(t.Context(), token(t, 1), b); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ query, want string }{
		{"SELECT request_id, org_id, tags, extra, stream, request_bytes, `budgets.budget_id`, `budgets.window_start`, `budgets.reserved_usd`, node, seq, kafka_partition, kafka_offset FROM requests",
			"req_1|org_a|['b','a']|{'alpha':'1','feature':'chat'}|true|99|['b1','b2']|['2026-11-22 12:00:00.000000','1970-01-01 00:00:00.000000']|[0.000000000005,7]|n|3|1|2"},
		{"SELECT request_id, org_id, key_id, endpoint, model, provider, status, error_kind, error_message, error_origin, finish_reason, latency_ms, ttft_ms, response_bytes, client_disconnected FROM responses WHERE kafka_offset = 2",
			"req_1|o|k|e|m|p|502|kind|message|provider|stop|2000.001|0.003|12|true"},
		{"SELECT attempts.provider, attempts.model, attempts.status, attempts.error_kind, attempts.input_tokens, attempts.cached_input_tokens, attempts.cache_write_tokens, attempts.output_tokens, attempts.reasoning_tokens, attempts.cost_usd, attempts.ttft_ms, attempts.latency_ms, attempts.upstream_id, attempts.byok FROM responses WHERE kafka_offset = 2",
			"['p1','p2']|['m1','m2']|[500,200]|['boom','']|[0,1]|[0,2]|[0,3]|[0,4]|[0,5]|[0,0.000000000006]|[0,0.007]|[0,0.008]|['','up']|[false,true]"},
		{"SELECT request_id, length(attempts.provider) FROM responses WHERE kafka_offset = 3", "req_2|0"},
		{"SELECT request_id, org_id, key_id, request, hex(response), request_truncated, response_truncated, toUnixTimestamp(expires_at) FROM payloads",
			fmt.Sprintf(`req_1|o|k|{"a":1}|00FF|true|false|%d`, expires.Unix())},
	} {
		if got := only(t, db, c.query); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.query, got, c.want)
		}
	}
}
