-- name: counts
-- Events of each type and the base currency's revenue in the last hour, day and the day before.
SELECT
    event_type,
    count(*) FILTER (WHERE timestamp > make_timestamp($as_of) - INTERVAL 1 HOUR) AS of_hour,
    count(*) FILTER (WHERE timestamp > make_timestamp($as_of) - INTERVAL 24 HOUR) AS of_day,
    count(*) AS of_two_days,
    sum(amount) FILTER (WHERE currency = 'USD' AND timestamp > make_timestamp($as_of) - INTERVAL 24 HOUR) AS revenue
FROM events
WHERE timestamp > make_timestamp($as_of) - INTERVAL 48 HOUR AND timestamp <= make_timestamp($as_of)
GROUP BY event_type

-- name: people
-- Distinct active users and sessions in the last hour, day and the day before.
SELECT
    count(DISTINCT user_id) FILTER (WHERE timestamp > make_timestamp($as_of) - INTERVAL 1 HOUR) AS of_hour,
    count(DISTINCT session_id) FILTER (WHERE timestamp > make_timestamp($as_of) - INTERVAL 1 HOUR) AS sessions,
    count(DISTINCT user_id) FILTER (WHERE timestamp > make_timestamp($as_of) - INTERVAL 24 HOUR) AS of_day,
    count(DISTINCT user_id) FILTER (WHERE timestamp <= make_timestamp($as_of) - INTERVAL 24 HOUR) AS of_day_before
FROM events
WHERE timestamp > make_timestamp($as_of) - INTERVAL 48 HOUR AND timestamp <= make_timestamp($as_of)
  AND event_type NOT IN ('email_sent', 'email_delivered', 'email_deferred', 'email_dropped', 'email_bounced',
                         'error', 'api_request')
  AND coalesce(label, '') NOT IN ('machine_prefetch', 'scanner')

-- name: new_users
-- Users whose first registration ever falls in the last day.
SELECT count(*)
FROM (SELECT min(timestamp) AS first_at FROM events WHERE event_type = 'user_registration' GROUP BY user_id)
WHERE first_at > make_timestamp($as_of) - INTERVAL 24 HOUR AND first_at <= make_timestamp($as_of)
