-- The control log, one row a record, at any moment: what several ingests or a
-- repeat have written twice is merged as it is read.
CREATE OR REPLACE VIEW control_log AS
SELECT
    kafka_offset,
    occurred_at,
    appended_at,
    org_id,
    kind,
    entity_id,
    expected_version,
    version,
    accepted,
    repeated,
    deleted,
    actor,
    request_id,
    command_id,
    change
FROM control_log_rows FINAL
