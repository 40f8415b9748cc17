-- How many calls of each provider fail, over the last day?
SELECT
    provider,
    sum(t.requests) AS requests,
    sum(t.errors) AS errors,
    round(100 * errors / requests, 2) AS error_percent,
    topKWeightedIf(3)(error_kind, t.errors, t.errors > 0) AS commonest
FROM spend_by_key_1h AS t
WHERE hour >= toStartOfHour(now('UTC') - INTERVAL 23 HOUR)
GROUP BY provider
ORDER BY error_percent DESC, requests DESC
