-- name: newest
-- The newest events after a place in the log, for people to look at.
SELECT
    event_id::VARCHAR AS event_id,
    event_type,
    user_id,
    epoch_us(timestamp) AS timestamp_us,
    campaign_id,
    amount::VARCHAR AS amount,
    currency,
    label,
    source
FROM events
WHERE seq > $after_seq AND seq > (SELECT max(seq) - $limit FROM events)
ORDER BY seq DESC
