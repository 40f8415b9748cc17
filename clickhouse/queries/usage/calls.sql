-- Usage of an organisation from the ledger itself: what rollups do not know, and
-- what lies in no whole period of theirs. What stands between slashes is filled
-- in from fixed texts; everything that a caller wrote is a parameter.
SELECT
    /*period*/ AS period,
    /*groups*/ AS groups,
    countIf(endpoint IN ('chat.completions', 'responses', 'messages')) AS completions_requests,
    countIf(endpoint = 'embeddings') AS embedding_requests,
    countIf(endpoint IN ('images.generations', 'images.edits')) AS image_requests,
    countIf(endpoint = 'audio.speech') AS speech_requests,
    countIf(endpoint = 'audio.transcriptions') AS transcription_requests,
    count() AS total_requests,
    countIf(error_kind != '') AS errors,
    sum(u.input_tokens) AS uncached,
    sum(u.cached_input_tokens) AS cached,
    sum(u.cache_write_tokens) AS caching,
    sum(u.output_tokens) AS visible,
    sum(u.reasoning_tokens) AS reasoning,
    sum(u.cost_usd) AS spend,
    sumMap(map(toUInt16(/*latency*/), toUInt64(1))) AS latencies
FROM usage AS u
WHERE u.org_id = {org:String} AND (empty({key:String}) OR u.key_id = {key:String})
    AND (
        u.occurred_at >= fromUnixTimestamp64Micro({start:Int64}, 'UTC') AND u.occurred_at < fromUnixTimestamp64Micro({whole_start:Int64}, 'UTC')
        OR u.occurred_at >= fromUnixTimestamp64Micro({whole_end:Int64}, 'UTC') AND u.occurred_at < fromUnixTimestamp64Micro({end:Int64}, 'UTC')
    )
GROUP BY period, groups
