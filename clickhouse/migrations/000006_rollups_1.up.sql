-- Partial sums of the aggregator's generation 1, all dimensions and resolutions
-- in one table so that a batch is one INSERT of one block. Rows of one key add
-- up. People read the spend_by_ views. Minutes are kept for 7 days and go by
-- whole parts; a TTL with a WHERE would rewrite parts instead, hence the far
-- date for the others.
CREATE TABLE IF NOT EXISTS rollups_1
(
    dimension Enum8('key' = 1, 'user' = 2, 'tag' = 3),
    resolution Enum8('1m' = 1, '1h' = 2, '1d' = 3),
    bucket DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    org_id LowCardinality(String),
    value String CODEC(ZSTD(1)),
    model LowCardinality(String),
    provider LowCardinality(String),
    project LowCardinality(String),
    group_id LowCardinality(String),
    endpoint LowCardinality(String),
    policy LowCardinality(String),
    byok Bool,
    origin_title LowCardinality(String),
    error_kind LowCardinality(String),
    kafka_partition Int32 CODEC(ZSTD(1)),
    last_offset SimpleAggregateFunction(max, Int64) CODEC(ZSTD(1)),
    requests SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    cache_hits SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    input_tokens SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
    cached_input_tokens SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
    cache_write_tokens SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
    output_tokens SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
    reasoning_tokens SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
    cost_usd SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    saved_usd SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    latency SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) CODEC(ZSTD(1)),
    ttft SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) CODEC(ZSTD(1)),
    INDEX last_offset_range last_offset TYPE minmax GRANULARITY 1
)
ENGINE = AggregatingMergeTree
PARTITION BY (resolution, if(resolution = '1m', toYYYYMMDD(bucket), toYYYYMM(bucket)))
PRIMARY KEY (dimension, resolution, org_id, bucket)
ORDER BY (dimension, resolution, org_id, bucket, value, model, provider, project, group_id, endpoint, policy, byok,
    origin_title, error_kind, kafka_partition)
TTL if(resolution = '1m', bucket + INTERVAL 7 DAY, toDateTime('2106-02-07 00:00:00', 'UTC'))
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1
