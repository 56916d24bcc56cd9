-- name: use
-- Bytes that queries work with, and bytes of what the log itself keeps: pages that can be dropped at any time, rows
-- that wait for a checkpoint.
WITH kinds AS (
    SELECT
        tag IN (
            'BASE_TABLE', 'IN_MEMORY_TABLE', 'METADATA', 'TRANSACTION', 'OVERFLOW_STRINGS', 'OBJECT_CACHE',
            'EXTERNAL_FILE_CACHE'
        ) AS is_kept,
        memory_usage_bytes,
        temporary_storage_bytes
    FROM duckdb_memory()
)
SELECT
    coalesce(sum(memory_usage_bytes + temporary_storage_bytes) FILTER (NOT is_kept), 0),
    coalesce(sum(memory_usage_bytes) FILTER (is_kept), 0)
FROM kinds
