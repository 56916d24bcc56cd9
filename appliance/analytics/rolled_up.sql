-- name: touched
-- The minutes since 1970 that have events newer than the rollups, with how many; at most $most events are looked at.
SELECT epoch_us(timestamp) // $minute_us AS minute, count(*) AS events
FROM (
    SELECT timestamp FROM events
    WHERE seq > $after AND timestamp >= make_timestamp($from) AND timestamp < make_timestamp($to)
    LIMIT $most
)
GROUP BY minute

-- name: of_rollups
-- The buckets of one level in a stretch of time.
SELECT start AS timestamp, event_type, campaign_id, currency, events, amount
FROM rollup_{level}
WHERE start >= make_timestamp({from}) AND start < make_timestamp({to})

-- name: of_log
-- The events of a stretch of time, each a row of its own, in the same shape.
SELECT timestamp, event_type, campaign_id, currency, 1 AS events, amount
FROM events
WHERE timestamp >= make_timestamp({from}) AND timestamp < make_timestamp({to})
