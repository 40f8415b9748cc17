-- What ClickHouse has done since it started, as far as inserts and merges go. Times are in milliseconds.
SELECT
    replace(event, 'Microseconds', 'Milliseconds'),
    event LIKE '%Microseconds' ? intDiv(value, 1000) : value
FROM system.events
WHERE event LIKE '%Merge%' OR event LIKE 'Inserted%' OR event LIKE 'OSCPU%' OR event LIKE 'UserTime%'
    OR event LIKE 'SystemTime%' OR event IN ('FileOpen', 'FileSync', 'InsertQuery', 'SelectQuery', 'CompressedReadBufferBytes')
