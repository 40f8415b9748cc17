-- Who changed keys and what they may do, over the last month? A change that was
-- refused, or repeated, made no difference.
SELECT
    c.occurred_at, org_id, entity_id AS key_id, version, actor, request_id,
    if(deleted, 'deleted', JSONExtractString(change, 'name')) AS name,
    JSONExtractBool(change, 'disabled') AS disabled,
    JSONExtractRaw(change, 'limits') AS limits
FROM control_log AS c
WHERE c.occurred_at >= now('UTC') - INTERVAL 30 DAY AND kind = 'key' AND accepted AND NOT repeated
ORDER BY kafka_offset DESC
LIMIT 100
