-- Which models have no price, so that their calls are booked at zero?
SELECT
    provider, model,
    count() AS calls,
    sum(input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens) AS tokens,
    max(u.occurred_at) AS latest
FROM usage AS u
WHERE price_unknown AND occurred_at >= now('UTC') - INTERVAL 30 DAY
GROUP BY provider, model
ORDER BY tokens DESC
