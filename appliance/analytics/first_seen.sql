-- name: rolled_up
-- Up to which seq of the log the table first_seen is complete.
SELECT coalesce(max(seq), 0) FROM followers WHERE name = 'rollups'

-- name: registrations
-- Each user's first registration ever, where it falls in [$from, $to): by what the rollups know already and
-- what the log holds beyond them. Whoever has one in that time is looked up before it, which is cheaper than
-- to find everybody's first.
SELECT user_key, min(first_at) AS timestamp
FROM (
    SELECT user_key, first_at FROM first_seen
    WHERE type_key = 1 AND first_at >= make_timestamp($from) AND first_at < make_timestamp($to)
    UNION ALL
    SELECT user_key, timestamp FROM events
    WHERE seq > $rolled_up AND type_key = 1
      AND timestamp >= make_timestamp($from) AND timestamp < make_timestamp($to)
) AS candidate
WHERE NOT EXISTS (
    SELECT 1 FROM first_seen AS earlier
    WHERE type_key = 1 AND first_at < make_timestamp($from) AND earlier.user_key = candidate.user_key
) AND NOT EXISTS (
    SELECT 1 FROM events AS earlier
    WHERE seq > $rolled_up AND type_key = 1
      AND timestamp < make_timestamp($from) AND earlier.user_key = candidate.user_key
)
GROUP BY user_key

-- name: registration_events
-- The same with the rest of the registration's event; NULL where that has expired. Of several at the same
-- instant the one stored first.
SELECT first.user_key, first.timestamp, 1 AS type_key, 'user_registration' AS event_type,
       event.campaign_id, event.currency, event.mailbox_provider, event.link, event.properties
FROM ({registrations}) AS first
LEFT JOIN (
    SELECT DISTINCT ON (user_key, timestamp)
           user_key, timestamp, campaign_id, currency, mailbox_provider, link, properties
    FROM events
    WHERE type_key = 1 AND timestamp >= make_timestamp($from) AND timestamp < make_timestamp($to)
    ORDER BY user_key, timestamp, seq
) AS event ON event.user_key = first.user_key AND event.timestamp = first.timestamp
