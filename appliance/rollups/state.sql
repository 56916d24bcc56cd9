-- name: create
-- What the rollups are complete for, in one row beside them. Each change of it that isn't the follower's own step
-- raises "generation", which voids what was read before.
CREATE TABLE IF NOT EXISTS rollup_state (
    generation BIGINT NOT NULL,
    levels VARCHAR NOT NULL,
    minute_from TIMESTAMP NOT NULL,
    expired_before TIMESTAMP
);

-- name: exists
-- Whether the rollups have been set up in this log.
SELECT count(*) FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = current_schema() AND table_name = 'rollup_state';

-- name: load
-- What is complete, and up to which event.
SELECT
    generation,
    levels,
    epoch_us(minute_from),
    epoch_us(expired_before),
    coalesce((SELECT max(seq) FROM followers WHERE name = 'rollups'), 0)
FROM rollup_state;

-- name: clear
-- Forget the state, to write it anew.
DELETE FROM rollup_state;

-- name: insert
-- The state's one row.
INSERT INTO rollup_state VALUES (?, ?, make_timestamp(?), CASE WHEN ?::BIGINT IS NOT NULL THEN make_timestamp(?) END);

-- name: clear_cursor
-- Forget the cursor, to write it anew.
DELETE FROM followers WHERE name = 'rollups';

-- name: insert_cursor
-- The cursor: the last event that the rollups have counted.
INSERT INTO followers VALUES ('rollups', ?);

-- name: move_cursor
-- Move the cursor on, if it still stands where the caller read.
UPDATE followers SET seq = $to_seq WHERE name = 'rollups' AND seq = $from_seq;

-- name: empty_level
-- Drop every bucket of a level.
DELETE FROM rollup_{level};

-- name: delete_before
-- Drop the buckets of a level that begin before an instant.
DELETE FROM rollup_{level} WHERE start < make_timestamp(?);
