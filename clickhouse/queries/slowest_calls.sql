-- Which calls were the slowest today, and where did the time go?
SELECT request_id, u.occurred_at, key_id, provider, model, latency_ms, ttft_ms, output_tokens + reasoning_tokens AS tokens_out, attempts
FROM usage AS u
WHERE occurred_at >= toStartOfDay(now('UTC'))
ORDER BY latency_ms DESC
LIMIT 20
