-- name: extent
-- Where the events of a time range lie, and how many there are.
SELECT min(seq), max(seq), count(*)
FROM events
WHERE ($from_us IS NULL OR timestamp >= make_timestamp($from_us))
  AND ($to_us IS NULL OR timestamp < make_timestamp($to_us))

-- name: page
-- The events of a time range in a stretch of the log, in order, as an export shows them.
SELECT
    event_id::VARCHAR AS event_id,
    event_type,
    user_id,
    timestamp,
    session_id,
    campaign_id,
    properties,
    received_at
FROM events
WHERE seq BETWEEN $first AND $last
  AND ($from_us IS NULL OR timestamp >= make_timestamp($from_us))
  AND ($to_us IS NULL OR timestamp < make_timestamp($to_us))
ORDER BY seq
