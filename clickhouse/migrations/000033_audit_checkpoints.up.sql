-- How far the audit has read the log and what it carries over from there, as
-- JSON. The newest row counts.
CREATE TABLE IF NOT EXISTS audit_checkpoints
(
    name LowCardinality(String),
    saved_at DateTime64(6, 'UTC'),
    state String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(saved_at)
ORDER BY name
