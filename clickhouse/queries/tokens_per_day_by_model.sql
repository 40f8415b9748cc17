-- How many tokens go through each model, day by day?
SELECT
    toDate(t.day) AS day, provider, model,
    sum(input_tokens + cached_input_tokens + cache_write_tokens) AS tokens_in,
    sum(output_tokens + reasoning_tokens) AS tokens_out,
    sum(t.cost_usd) AS cost_usd
FROM spend_by_key_1d AS t
WHERE t.day > toDate(now('UTC')) - 30
GROUP BY day, provider, model
ORDER BY day, tokens_in + tokens_out DESC
