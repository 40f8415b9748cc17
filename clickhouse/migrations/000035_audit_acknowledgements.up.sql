-- What an operator has said is known of what audits find and nothing mends: one
-- row for each finding, with exactly what it covers. Offsets are of log_gap, seqs
-- of hole and after_retirement, request ids of call_unknown; both ends of a range
-- are in it.
CREATE TABLE IF NOT EXISTS audit_acknowledgements
(
    acknowledged_at DateTime64(6, 'UTC'),
    reason String,
    kind LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    first_offset Int64,
    last_offset Int64,
    node LowCardinality(String),
    first_seq UInt64,
    last_seq UInt64,
    request_ids Array(String)
)
ENGINE = MergeTree
ORDER BY acknowledged_at
