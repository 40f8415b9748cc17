-- What has each key spent today?
SELECT org_id, key_id, cost_usd, requests, errors, p50_ms, p95_ms, p99_ms
FROM spend_by_key
WHERE day = toDate(now('UTC'))
ORDER BY cost_usd DESC
