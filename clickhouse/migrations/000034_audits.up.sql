-- One row for each audit: how many findings of each kind, and the whole report
-- as `ingest audit --format json` printed it.
CREATE TABLE IF NOT EXISTS audits
(
    started_at DateTime64(6, 'UTC'),
    finished_at DateTime64(6, 'UTC'),
    full Bool,
    findings Map(LowCardinality(String), UInt64),
    dead UInt64,
    open UInt64,
    report String CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY started_at
TTL toDateTime(started_at) + INTERVAL 400 DAY
