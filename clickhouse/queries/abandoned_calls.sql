-- Which calls ended without their client, and what did they cost all the same?
-- `abandoned` is a gateway that died in mid-call, the others are clients that
-- went away.
SELECT r.request_id, r.key_id, r.provider, r.model, if(r.error_kind = 'abandoned', 'abandoned', 'disconnected') AS ended, r.latency_ms, u.cost_usd
FROM responses AS r
INNER JOIN usage AS u USING (request_id)
WHERE r.occurred_at >= now('UTC') - INTERVAL 7 DAY AND u.occurred_at >= now('UTC') - INTERVAL 8 DAY
    AND (r.client_disconnected OR r.error_kind = 'abandoned')
ORDER BY r.occurred_at DESC
LIMIT 100
