-- name: read
-- The events of one batch, as far as the rollups need them; a currency counts only with money.
SELECT
    seq,
    timestamp AS at,
    event_type,
    campaign_id,
    CASE WHEN amount IS NOT NULL THEN currency END AS currency,
    amount,
    user_key,
    type_key
FROM events
WHERE seq > $after AND seq <= $upto;

-- name: next
-- The first event after the cursor, where the sequence has a gap.
SELECT min(seq) FROM events WHERE seq > ?;

-- name: behind
-- How many events wait for the follower, and when the oldest of them was received.
SELECT count(*), epoch_us(min(received_at)) FROM events WHERE seq > ?;

-- name: stored_buckets
-- Which rows of a delta have their bucket already.
SELECT d.row
FROM delta AS d
JOIN rollup_{level} AS r
    ON r.start = d.start
    AND r.event_type = d.event_type
    AND r.campaign_id IS NOT DISTINCT FROM d.campaign_id
    AND r.currency IS NOT DISTINCT FROM d.currency
WHERE r.start BETWEEN $first AND $last;

-- name: add_to_buckets
-- Add a delta to the buckets that are there.
UPDATE rollup_{level} AS r
SET events = r.events + d.events,
    amount = CASE WHEN d.amount IS NULL THEN r.amount ELSE coalesce(r.amount, 0) + d.amount END
FROM delta AS d
WHERE r.start = d.start
    AND r.event_type = d.event_type
    AND r.campaign_id IS NOT DISTINCT FROM d.campaign_id
    AND r.currency IS NOT DISTINCT FROM d.currency
    AND r.start BETWEEN $first AND $last;

-- name: insert_buckets
-- Buckets that weren't there.
INSERT INTO rollup_{level} SELECT start, event_type, campaign_id, currency, events, amount FROM delta;

-- name: stored_firsts
-- Which rows of a delta have a first time already, and whether theirs is earlier.
SELECT d.row, d.first_at < f.first_at AS earlier
FROM delta AS d
JOIN first_seen AS f ON f.user_key = d.user_key AND f.type_key = d.type_key;

-- name: lower_firsts
-- Move first times back to the earlier ones found.
UPDATE first_seen AS f
SET first_at = d.first_at
FROM delta AS d
WHERE f.user_key = d.user_key AND f.type_key = d.type_key;

-- name: insert_firsts
-- First times of users and types not seen before.
INSERT INTO first_seen SELECT user_key, type_key, first_at FROM delta;
