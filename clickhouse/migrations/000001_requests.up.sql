-- One row per RequestReceived: a call was recognised.
CREATE TABLE IF NOT EXISTS requests
(
    request_id String CODEC(ZSTD(3)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    org_id LowCardinality(String),
    project LowCardinality(String),
    group_id LowCardinality(String),
    key_id LowCardinality(String),
    member_id LowCardinality(String),
    user_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    tags Array(LowCardinality(String)),
    extra Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    origin_referer LowCardinality(String),
    origin_title LowCardinality(String),
    endpoint LowCardinality(String),
    requested_model LowCardinality(String),
    policy LowCardinality(String),
    stream Bool,
    request_bytes Int64 CODEC(ZSTD(1)),
    `budgets.budget_id` Array(LowCardinality(String)),
    `budgets.window_start` Array(DateTime64(6, 'UTC')),
    `budgets.reserved_usd` Array(Decimal(38, 12)),
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
