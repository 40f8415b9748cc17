-- The parts of a usage answer added up. A percentile is the number of its bucket.
SELECT
    period,
    groups,
    sum(completions_requests),
    sum(embedding_requests),
    sum(image_requests),
    sum(speech_requests),
    sum(transcription_requests),
    sum(total_requests),
    sum(errors),
    sum(uncached),
    sum(cached),
    sum(caching),
    sum(visible),
    sum(reasoning),
    toString(sum(spend) AS dollars),
    quantilesExactWeightedArray(0.5, 0.95, 0.99)(mapKeys(latencies), mapValues(latencies))
FROM (/*parts*/)
GROUP BY period, groups
ORDER BY period, dollars DESC, groups
LIMIT {limit:UInt64}
