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

-- name: settle_dead_letters
-- Remove the letters whose events are stored by the same group commit, or were before.
DELETE FROM dead_letters WHERE id IN (SELECT id FROM incoming_settled)

-- name: remember_settled
-- And remember them, so that the same replay sent again is known for one.
INSERT INTO replayed_dead_letters SELECT * FROM incoming_settled

-- name: count_settled
-- They are counted for ever.
UPDATE dead_letter_totals SET replayed = replayed + ?

-- name: move_offsets
-- Move the offsets of partitions that are known, from where they were expected alone.
UPDATE kafka_offsets
SET next_offset = i.next_offset, topic_id = i.topic_id, incarnation = i.incarnation
FROM incoming_offsets i
WHERE kafka_offsets.group_id = i.group_id
  AND kafka_offsets.topic = i.topic
  AND kafka_offsets."partition" = i."partition"
  AND kafka_offsets.next_offset = i.expected_offset
  AND kafka_offsets.topic_id = i.expected_topic_id
  AND kafka_offsets.incarnation = i.expected_incarnation

-- name: add_offsets
-- The first offsets of partitions that are not known yet.
INSERT INTO kafka_offsets
SELECT i.group_id, i.topic, i."partition", i.next_offset, i.topic_id, i.incarnation
FROM incoming_offsets i
ANTI JOIN kafka_offsets o ON o.group_id = i.group_id AND o.topic = i.topic AND o."partition" = i."partition"
WHERE i.expected_offset IS NULL

-- name: offsets_stored
-- How many of a group's moves are where they lead to.
SELECT count(*)
FROM kafka_offsets o
SEMI JOIN incoming_offsets i
  ON o.group_id = i.group_id AND o.topic = i.topic AND o."partition" = i."partition"
  AND o.next_offset = i.next_offset AND o.topic_id = i.topic_id AND o.incarnation = i.incarnation

-- name: kafka_offsets
-- How far each partition of Kafka was read.
SELECT group_id, topic, "partition", next_offset, topic_id, incarnation FROM kafka_offsets

-- name: kafka_consumer
-- Who reads.
SELECT consumer_id FROM kafka_consumer

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

-- name: settled_stored
-- How many of a group's settled letters are known as replayed.
SELECT count(*) FROM replayed_dead_letters SEMI JOIN incoming_settled USING (id)

-- name: read_events
-- Events after a position, in order.
SELECT * FROM events WHERE seq > ? AND seq <= ? ORDER BY seq

-- name: next_after
-- The first seq after a position: what expired leaves gaps.
SELECT min(seq) FROM events WHERE seq > ?

-- name: first_happened_since
-- The first seq whose event happened at an instant or later.
SELECT min(seq) FROM events WHERE timestamp >= make_timestamp(?)

-- name: expire_events
-- Remove what happened before an instant.
DELETE FROM events WHERE timestamp < make_timestamp(?) AND seq <= ?

-- name: raise_seq_floor
-- Remember how far seqs were given out, before the events that show it are gone.
UPDATE log_identity SET seq_floor = greatest(seq_floor, ?)

-- name: newest_received
-- When was the latest of the events up to a seq received?
SELECT epoch_us(max(received_at)) FROM events WHERE seq <= ?;
