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

-- name: people
-- Distinct people: active in the last hour, the last day, the day before; then those who got through each
-- step of the e-mail funnel in the last day (order any: they have this step's event and every earlier one's).
SELECT count(*) FILTER (WHERE marks & 1 > 0),
       count(*) FILTER (WHERE marks & 2 > 0),
       count(*) FILTER (WHERE marks & 4 > 0),
       count(*) FILTER (WHERE marks & 8 = 8),
       count(*) FILTER (WHERE marks & 24 = 24),
       count(*) FILTER (WHERE marks & 56 = 56),
       count(*) FILTER (WHERE marks & 120 = 120)
FROM (
    SELECT user_key,
           bit_or(
               CASE WHEN timestamp <= make_timestamp($day_ago) THEN CASE WHEN {active} THEN 4 ELSE 0 END
                    WHEN {active} THEN
                        CASE WHEN timestamp > make_timestamp($hour_ago) THEN 3 ELSE 2 END
                        | CASE type_key WHEN 6 THEN 16 WHEN 7 THEN 32 WHEN 13 THEN 64 ELSE 0 END
                    WHEN type_key = 2 THEN 8
                    ELSE 0
               END
           ) AS marks
    FROM events
    WHERE timestamp > make_timestamp($two_days_ago) AND timestamp <= make_timestamp($as_of)
    GROUP BY user_key
)

-- name: last_hour
-- Active events of the last hour, and the distinct sessions they belong to.
SELECT count(*), count(DISTINCT session_id)
FROM events
WHERE timestamp > make_timestamp($hour_ago) AND timestamp <= make_timestamp($as_of) AND {active}
