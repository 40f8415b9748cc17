-- Where a consumer's repeat filter stood at an offset: the last seq seen of each
-- node. Rows older than a week fold into the newest of them, so that a
-- partition that has been silent for a year still finds its last state.
CREATE TABLE IF NOT EXISTS progress
(
    consumer LowCardinality(String),
    generation Int32,
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    seen Map(String, UInt64),
    saved_at DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (consumer, generation, topic, partition)
TTL saved_at + INTERVAL 7 DAY GROUP BY consumer, generation, topic, partition
    SET seen = argMax(seen, offset), saved_at = argMax(saved_at, offset), offset = max(offset)
