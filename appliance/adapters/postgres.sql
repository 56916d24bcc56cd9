-- name: table
-- What is called analytics_events for this role: its kind, owner, rules, and whether this role may use it.
SELECT c.oid,
       c.relkind::text AS kind,
       c.relhasrules AS has_rules,
       pg_has_role(c.relowner, 'USAGE') AS owned,
       has_table_privilege(c.oid, 'SELECT') AS may_select,
       has_table_privilege(c.oid, 'INSERT') AS may_insert,
       has_table_privilege(c.oid, 'UPDATE') AS may_update,
       has_table_privilege(c.oid, 'DELETE') AS may_delete
FROM pg_class c
WHERE c.oid = to_regclass('analytics_events')

-- name: columns
-- Its columns: type, length in characters, and what would keep a row out that leaves them out.
SELECT a.attname AS name,
       t.typname AS type,
       format_type(a.atttypid, a.atttypmod) AS told,
       CASE WHEN t.typname = 'varchar' AND a.atttypmod > 0 THEN a.atttypmod - 4 END AS longest,
       a.attnotnull AS required,
       a.atthasdef OR a.attidentity <> '' AS has_default,
       a.attgenerated <> '' OR a.attidentity = 'a' AS generated
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped

-- name: unique_index
-- Whether event_id alone is unique, by an index that ON CONFLICT can use.
SELECT EXISTS (
    SELECT FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = %(table)s AND a.attname = 'event_id' AND i.indnkeyatts = 1
      AND i.indisunique AND i.indisvalid AND i.indisready AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
)

-- name: broken_index
-- What is left of our index when its making was interrupted.
SELECT EXISTS (
    SELECT FROM pg_index i
    WHERE i.indexrelid = to_regclass('analytics_events_event_id_key') AND i.indrelid = %(table)s AND NOT i.indisvalid
)

-- name: may_create
-- Where tables are made for this role, and whether it may make any there, and temporary ones in this database.
SELECT current_user AS role,
       current_schema() AS schema,
       current_database() AS database,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AS may_create,
       has_database_privilege(current_database(), 'TEMPORARY') AS may_stage

-- name: create_table
-- The table where there is none. The small indexes serve expiry and erasure; others are for whoever asks questions.
CREATE TABLE analytics_events (
    event_type text NOT NULL,
    user_id text NOT NULL,
    timestamp timestamptz NOT NULL,
    properties jsonb NOT NULL,
    session_id text,
    campaign_id text,
    event_id uuid CONSTRAINT analytics_events_event_id_key UNIQUE
);
CREATE INDEX analytics_events_user_id_idx ON analytics_events (user_id);
CREATE INDEX analytics_events_timestamp_idx ON analytics_events USING brin (timestamp);
CREATE INDEX analytics_events_referred_idx ON analytics_events ((properties ->> 'referred_user_id'))
    WHERE properties ? 'referred_user_id'

-- name: create_cursor
-- Where the mirror stands. There is one row.
CREATE TABLE analytics_events_mirror (
    name text PRIMARY KEY,
    position text,
    -- the table held rows with an event_id before the mirror came: a rebuild can't tell whose they are
    found_rows_with_id boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
)

-- name: cursor_table
-- Whether there is a table for the cursor, and what of it this role may do.
SELECT has_table_privilege(c.oid, 'SELECT') AS may_select, has_table_privilege(c.oid, 'UPDATE') AS may_update,
       has_table_privilege(c.oid, 'INSERT') AS may_insert
FROM pg_class c
WHERE c.oid = to_regclass('analytics_events_mirror')

-- name: has_cursor
-- Whether the one row is there.
SELECT EXISTS (SELECT FROM analytics_events_mirror WHERE name = 'appliance')

-- name: add_event_id
-- The column that a team's own table doesn't have. Old rows get none, and the table isn't written anew.
ALTER TABLE analytics_events ADD COLUMN event_id uuid

-- name: drop_broken_index
-- Make room for another try.
DROP INDEX CONCURRENTLY IF EXISTS analytics_events_event_id_key

-- name: add_unique_index
-- Without holding up whoever writes to the table; it takes a while on a large one.
CREATE UNIQUE INDEX CONCURRENTLY analytics_events_event_id_key ON analytics_events (event_id)

-- name: has_rows_with_id
-- Whether there are rows that look like the mirror's.
SELECT EXISTS (SELECT FROM analytics_events WHERE event_id IS NOT NULL)

-- name: begin_cursor
-- The one row, where there is none yet.
INSERT INTO analytics_events_mirror (name, found_rows_with_id) VALUES ('appliance', %(found)s) ON CONFLICT DO NOTHING

-- name: forget_cursor
-- The table was made anew, so the mirror begins anew.
UPDATE analytics_events_mirror SET position = NULL, found_rows_with_id = FALSE, updated_at = now()

-- name: try_lock
-- One sets up at a time: the lock is let go of by "unlock" or with the connection.
SELECT pg_try_advisory_lock(hashtext('analytics_events_mirror'))

-- name: unlock
-- Others may set up now.
SELECT pg_advisory_unlock(hashtext('analytics_events_mirror'))

-- name: writable
-- Whether this server takes writes at all.
SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only

-- name: cursor
-- Where the mirror stands.
SELECT position FROM analytics_events_mirror WHERE name = 'appliance'

-- name: lock_cursor
-- The same, held until the end of the transaction.
SELECT position FROM analytics_events_mirror WHERE name = 'appliance' FOR UPDATE

-- name: stage
-- What a batch is copied into: it lasts as long as the connection and is emptied by each commit.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_analytics_events (
    event_id uuid,
    event_type text,
    user_id text,
    timestamp timestamp,
    properties jsonb,
    session_id text,
    campaign_id text
) ON COMMIT DELETE ROWS

-- name: copy
-- A batch as CSV.
COPY incoming_analytics_events (event_id, event_type, user_id, timestamp, properties, session_id, campaign_id)
FROM STDIN (FORMAT csv)

-- name: insert
-- The events that aren't there yet; the session's zone is UTC, so a column without zone gets UTC.
INSERT INTO analytics_events (event_id, event_type, user_id, timestamp, properties, session_id, campaign_id)
SELECT event_id, event_type, user_id, timestamp AT TIME ZONE 'UTC', properties, session_id, campaign_id
FROM incoming_analytics_events
ON CONFLICT (event_id) DO NOTHING

-- name: move_cursor
-- In the transaction of the events up to there.
UPDATE analytics_events_mirror SET position = %(position)s, updated_at = now() WHERE name = 'appliance'

-- name: erase
-- All rows of a person, those of the team's own also.
DELETE FROM analytics_events WHERE user_id = %(user_id)s

-- name: erase_name_jsonb
-- Rows of others that name the person lose the name.
UPDATE analytics_events SET properties = properties - 'referred_user_id'
WHERE properties ? 'referred_user_id' AND properties ->> 'referred_user_id' = %(user_id)s

-- name: erase_name_json
-- The same where the column keeps text: what can't be taken apart names nobody.
UPDATE analytics_events SET properties = properties::jsonb - 'referred_user_id'
WHERE CASE
    WHEN properties::text LIKE '%%"referred_user_id"%%' AND properties::text NOT LIKE '%%\\u0000%%'
        THEN properties ->> 'referred_user_id' = %(user_id)s
    ELSE FALSE
END

-- name: reset
-- The cursor goes with the rows.
UPDATE analytics_events_mirror SET position = NULL, updated_at = now() WHERE name = 'appliance'
RETURNING found_rows_with_id

-- name: blocks
-- How many blocks the table has: it is gone through in pieces, so that no lock is held for long.
SELECT pg_relation_size('analytics_events') / current_setting('block_size')::bigint

-- name: remove_piece
-- Remove the rows of a piece that the mirror wrote; the team's own have no event_id.
DELETE FROM analytics_events
WHERE ctid >= %(first)s::tid AND ctid < %(end)s::tid AND event_id IS NOT NULL

-- name: expire_piece
-- Those of a piece that happened before an instant.
DELETE FROM analytics_events
WHERE ctid >= %(first)s::tid AND ctid < %(end)s::tid AND event_id IS NOT NULL AND timestamp < %(before)s
