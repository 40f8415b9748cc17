-- Usage of an organisation from the rollups by key, whole hours or days.
SELECT
    /*period*/ AS period,
    /*groups*/ AS groups,
    sumIf(u.requests, endpoint IN ('chat.completions', 'responses', 'messages')) AS completions_requests,
    sumIf(u.requests, endpoint = 'embeddings') AS embedding_requests,
    sumIf(u.requests, endpoint IN ('images.generations', 'images.edits')) AS image_requests,
    sumIf(u.requests, endpoint = 'audio.speech') AS speech_requests,
    sumIf(u.requests, endpoint = 'audio.transcriptions') AS transcription_requests,
    sum(u.requests) AS total_requests,
    sum(u.errors) AS errors,
    sum(u.input_tokens) AS uncached,
    sum(u.cached_input_tokens) AS cached,
    sum(u.cache_write_tokens) AS caching,
    sum(u.output_tokens) AS visible,
    sum(u.reasoning_tokens) AS reasoning,
    sum(u.cost_usd) AS spend,
    sumMap(u.latency) AS latencies
FROM /*rollup*/ AS u
WHERE u.org_id = {org:String} AND (empty({key:String}) OR u.key_id = {key:String})
    AND /*bucket*/ >= fromUnixTimestamp64Micro({whole_start:Int64}, 'UTC') AND /*bucket*/ < fromUnixTimestamp64Micro({whole_end:Int64}, 'UTC')
GROUP BY period, groups
