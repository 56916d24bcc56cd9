-- name: use
-- Bytes by what they are for, in memory and spilled. Read every few milliseconds: so it is summed elsewhere, which
-- takes a quarter of the time.
SELECT tag, memory_usage_bytes, temporary_storage_bytes FROM duckdb_memory()
