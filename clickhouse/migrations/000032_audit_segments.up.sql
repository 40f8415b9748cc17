-- What the log holds, summed up once by the audit: one row for each segment of
-- 65,536 offsets of a topic's partition and each node in it. Only segments that
-- are complete are here; a row that is written again is the same row.
CREATE TABLE IF NOT EXISTS audit_segments
(
    topic LowCardinality(String),
    partition Int32,
    segment Int64,
    node LowCardinality(String),
    events UInt64,
    checksum UInt64,
    last_seq UInt64,
    appended_first DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, segment, node)
