-- What an audit found and an operator had acknowledged before, by kind.
ALTER TABLE audits ADD COLUMN IF NOT EXISTS acknowledged Map(LowCardinality(String), UInt64) AFTER findings
