-- Partial sums per minute and key: add them up, rows of one key may be several. Kept for 7 days.
CREATE OR REPLACE VIEW spend_by_key_1m AS
SELECT
    bucket AS minute,
    org_id,
    value AS key_id,
    model,
    provider,
    project,
    group_id,
    endpoint,
    policy,
    byok,
    origin_title,
    error_kind,
    requests,
    errors,
    cache_hits,
    input_tokens,
    cached_input_tokens,
    cache_write_tokens,
    output_tokens,
    reasoning_tokens,
    cost_usd,
    saved_usd,
    latency,
    ttft
FROM rollups
WHERE dimension = 'key' AND resolution = '1m'
