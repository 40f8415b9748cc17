-- What a person asks first: one row per day and user. Users add up to the whole; the user '' is calls that named none.
-- A percentile is the middle of the histogram bucket that holds it, computed as
-- schemas.BucketValue does, at most 1.6 % off.
CREATE OR REPLACE VIEW spend_by_user AS
WITH arrayMap(
    i -> if(i < 64, i, intDiv(bitShiftLeft(toUInt64(2 * (32 + i % 32) + 1), greatest(intDiv(i, 32), 1) - 1) - 1, 2)) / 1000,
    quantilesExactWeightedArray(0.5, 0.95, 0.99)(mapKeys(r.latency), mapValues(r.latency))
) AS percentiles_ms
SELECT
    toDate(r.bucket) AS day,
    r.org_id AS org_id,
    r.value AS user_id,
    sum(r.cost_usd) AS cost_usd,
    sum(r.requests) AS requests,
    sum(r.errors) AS errors,
    percentiles_ms[1] AS p50_ms,
    percentiles_ms[2] AS p95_ms,
    percentiles_ms[3] AS p99_ms
FROM rollups AS r
WHERE r.dimension = 'user' AND r.resolution = '1d'
GROUP BY day, org_id, user_id
