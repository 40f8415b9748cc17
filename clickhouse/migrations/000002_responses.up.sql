-- One row per ResponseCompleted: the outcome of a call, its attempts as
-- parallel arrays in the order in which they were made.
CREATE TABLE IF NOT EXISTS responses
(
    request_id String CODEC(ZSTD(3)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    org_id LowCardinality(String),
    key_id LowCardinality(String),
    endpoint LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    status Int32 CODEC(ZSTD(1)),
    error_kind LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    error_origin LowCardinality(String),
    finish_reason LowCardinality(String),
    latency_ms Decimal(18, 3) CODEC(ZSTD(1)),
    ttft_ms Decimal(18, 3) CODEC(ZSTD(1)),
    response_bytes Int64 CODEC(ZSTD(1)),
    client_disconnected Bool,
    `attempts.provider` Array(LowCardinality(String)),
    `attempts.model` Array(LowCardinality(String)),
    `attempts.status` Array(Int32),
    `attempts.error_kind` Array(LowCardinality(String)),
    `attempts.input_tokens` Array(Int64),
    `attempts.cached_input_tokens` Array(Int64),
    `attempts.cache_write_tokens` Array(Int64),
    `attempts.output_tokens` Array(Int64),
    `attempts.reasoning_tokens` Array(Int64),
    `attempts.cost_usd` Array(Decimal(38, 12)) CODEC(ZSTD(1)),
    `attempts.ttft_ms` Array(Decimal(18, 3)) CODEC(ZSTD(1)),
    `attempts.latency_ms` Array(Decimal(18, 3)) CODEC(ZSTD(1)),
    `attempts.upstream_id` Array(String) CODEC(ZSTD(1)),
    clock_skew Bool,
    node LowCardinality(String),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_partition Int32 CODEC(ZSTD(1)),
    kafka_offset Int64 CODEC(Delta(8), ZSTD(1)),
    INDEX request_id_range request_id TYPE minmax GRANULARITY 1,
    INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (org_id, occurred_at)
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
