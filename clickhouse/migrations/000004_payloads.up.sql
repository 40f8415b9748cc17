-- One row per PayloadCaptured, in a table partition of the day it expires, so
-- that forgetting a day is dropping files.
CREATE TABLE IF NOT EXISTS payloads
(
    request_id String CODEC(ZSTD(3)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    org_id LowCardinality(String),
    key_id LowCardinality(String),
    request String CODEC(ZSTD(3)),
    response String CODEC(ZSTD(3)),
    request_truncated Bool,
    response_truncated Bool,
    expires_at DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    clock_skew Bool,
    node LowCardinality(String),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_partition Int32 CODEC(ZSTD(1)),
    kafka_offset Int64 CODEC(Delta(8), ZSTD(1)),
    INDEX request_id_range request_id TYPE minmax GRANULARITY 1,
    INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(expires_at)
ORDER BY (org_id, occurred_at)
TTL expires_at
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
