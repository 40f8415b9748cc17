-- What do caches save? Per model: the share of input read from the provider's
-- prompt cache, answers from Weir's own cache, and the dollars not spent.
SELECT
    provider, model,
    round(100 * sum(cached_input_tokens) / greatest(sum(input_tokens + cached_input_tokens + cache_write_tokens), 1), 1) AS cached_percent,
    sum(t.cache_hits) AS cache_hits,
    sum(t.saved_usd) AS saved_usd,
    sum(t.cost_usd) AS cost_usd
FROM spend_by_key_1d AS t
WHERE day > toDate(now('UTC')) - 30
GROUP BY provider, model
ORDER BY saved_usd DESC, cost_usd DESC
