-- name: tally
-- How many events of each type in each slice of the last 48 hours: 0 the last hour, 1 the other 23 hours of
-- the last day, 2 the day before.
SELECT CASE WHEN timestamp > make_timestamp($hour_ago) THEN 0 WHEN timestamp > make_timestamp($day_ago) THEN 1 ELSE 2 END
           AS slice,
       type_key,
       count(*) AS events
FROM events
WHERE timestamp > make_timestamp($two_days_ago) AND timestamp <= make_timestamp($as_of)
GROUP BY slice, type_key

-- name: money
-- Money of conversions by slice (as in tally) and currency, in ten-thousandths.
SELECT CASE WHEN timestamp > make_timestamp($hour_ago) THEN 0 WHEN timestamp > make_timestamp($day_ago) THEN 1 ELSE 2 END
           AS slice,
       currency,
       CAST(sum(amount) * 10000 AS HUGEINT) AS amount
FROM events
WHERE timestamp > make_timestamp($two_days_ago) AND timestamp <= make_timestamp($as_of)
  AND type_key = 13 AND amount IS NOT NULL
GROUP BY slice, currency
ORDER BY currency

-- name: active_people
-- Distinct people who were active in a window.
SELECT count(DISTINCT user_key)
FROM events
WHERE timestamp > make_timestamp($after) AND timestamp <= make_timestamp($until) AND {active}

-- name: funnel
-- People who got through each step of the e-mail funnel in the last day (order any: they have this step's event
-- and every earlier one's). Each type sets the bit of its step.
SELECT count(*) FILTER (WHERE steps & 1 = 1),
       count(*) FILTER (WHERE steps & 3 = 3),
       count(*) FILTER (WHERE steps & 7 = 7),
       count(*) FILTER (WHERE steps & 15 = 15)
FROM (
    SELECT user_key, bit_or(CASE type_key WHEN 2 THEN 1 WHEN 6 THEN 2 WHEN 7 THEN 4 ELSE 8 END) AS steps
    FROM events
    WHERE timestamp > make_timestamp($day_ago) AND timestamp <= make_timestamp($as_of)
      AND (type_key = 2 OR (type_key IN (6, 7, 13) AND {active}))
    GROUP BY user_key
)

-- name: last_hour
-- Active events of the last hour, the distinct sessions they belong to, and the distinct people.
SELECT count(*), count(DISTINCT session_id), count(DISTINCT user_key)
FROM events
WHERE timestamp > make_timestamp($hour_ago) AND timestamp <= make_timestamp($as_of) AND {active}
