-- One row per record of weir.control: who changed what, when, and whether it
-- counted. Without anything secret. A row that is written again is the same row;
-- people read the view control_log, which shows each once.
CREATE TABLE IF NOT EXISTS control_log_rows
(
    kafka_offset Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    appended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    org_id LowCardinality(String),
    kind LowCardinality(String),
    entity_id String CODEC(ZSTD(1)),
    expected_version UInt64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    accepted Bool,
    repeated Bool,
    deleted Bool,
    actor LowCardinality(String),
    request_id String CODEC(ZSTD(1)),
    command_id String CODEC(ZSTD(1)),
    change String CODEC(ZSTD(3)),
    INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (org_id, kafka_offset)
