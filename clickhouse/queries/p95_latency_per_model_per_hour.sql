-- How slow is each model, hour by hour, over the last day?
WITH quantileExactWeightedArray(0.95)(mapKeys(latency), mapValues(latency)) AS i
SELECT
    hour, provider, model,
    sum(requests) AS calls,
    if(i < 64, i, intDiv(bitShiftLeft(toUInt64(2 * (32 + i % 32) + 1), greatest(intDiv(i, 32), 1) - 1) - 1, 2)) / 1000 AS p95_ms
FROM spend_by_key_1h
WHERE hour >= toStartOfHour(now('UTC') - INTERVAL 23 HOUR)
GROUP BY hour, provider, model
ORDER BY hour, p95_ms DESC
