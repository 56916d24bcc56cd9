-- name: identity
-- Who this log is: identity, schema version, the highest seq that may have expired.
SELECT identity, schema_version, seq_floor FROM log_identity

-- name: make_identity
-- A new log's first row.
INSERT INTO log_identity VALUES ($identity, $schema_version, make_timestamp($created_us), 0)

-- name: last_seq
-- The highest seq among the events that are there.
SELECT coalesce(max(seq), 0) FROM events

-- name: custom_types
-- The narrow keys given out to custom types.
SELECT event_type, type_key FROM event_types

-- name: add_type
-- A custom type's key, given out in the transaction of its first event.
INSERT INTO event_types VALUES (?, ?)

-- name: append_events
-- The rows of one group commit, from a registered Arrow table in the column order of events.
INSERT INTO events SELECT * FROM incoming_events

-- name: append_dead_letters
-- What was refused in the same group commit.
INSERT INTO dead_letters SELECT * FROM incoming_dead_letters

-- name: known_among
-- Which of the suspected ids really lie in a stretch of the log.
SELECT DISTINCT e.event_id
FROM events e
SEMI JOIN suspects s ON e.event_id = s.event_id
WHERE e.seq BETWEEN $first AND $last

-- name: recent_ids
-- Ids that clients gave from a seq on, to fill the memory of known ids at the start.
SELECT event_id, seq, epoch_us(received_at) AS received_us
FROM events
WHERE id_given AND seq >= ?

-- name: first_received_since
-- From where on the log was written since an instant.
SELECT min(seq) FROM events WHERE received_at >= make_timestamp(?)

-- name: given_by_stretch
-- How many ids clients gave in each stretch of so many seqs, the latest first.
SELECT seq // ? AS stretch, count(*) FROM events WHERE id_given GROUP BY stretch ORDER BY stretch DESC

-- name: stored_between
-- How many rows of a stretch are there: did an interrupted commit take effect?
SELECT count(*) FROM events WHERE seq BETWEEN ? AND ?

-- name: dead_letters_stored
-- How many of a group's dead letters are there.
SELECT count(*) FROM dead_letters SEMI JOIN incoming_dead_letters USING (id)

-- name: read_events
-- Events after a position, in order.
SELECT * FROM events WHERE seq > ? AND seq <= ? ORDER BY seq

-- name: next_after
-- The first seq after a position: what expired leaves gaps.
SELECT min(seq) FROM events WHERE seq > ?

-- name: expire_events
-- Remove what happened before an instant.
DELETE FROM events WHERE timestamp < make_timestamp(?) AND seq <= ?

-- name: raise_seq_floor
-- Remember how far seqs were given out, before the events that show it are gone.
UPDATE log_identity SET seq_floor = greatest(seq_floor, ?)

-- name: bound_dead_letters
-- Remove dead letters that are too old, or beyond the newest so many.
DELETE FROM dead_letters
WHERE received_at < make_timestamp($before_us)
   OR id IN (SELECT id FROM dead_letters ORDER BY received_at DESC, id DESC OFFSET $most)
