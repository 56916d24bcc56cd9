-- name: window
-- The campaigns with most sends among the events of ($after, $as_of]: events first, then distinct people.
SELECT campaign_id,
       sum(sends) AS sends,
       sum(opens) AS opens,
       sum(clicks) AS clicks,
       sum(conversions) AS conversions,
       sum(revenue) AS revenue,
       count(*) FILTER (WHERE marks & 1 = 1) AS recipients,
       count(*) FILTER (WHERE marks & 3 = 3) AS recipients_delivered,
       count(*) FILTER (WHERE marks & 1 = 1 AND marks & 14 > 0) AS recipients_reported,
       count(*) FILTER (WHERE marks & 1 = 1 AND marks & 4 > 0) AS recipients_failed,
       count(*) FILTER (WHERE marks & 16 > 0) AS unique_opens,
       count(*) FILTER (WHERE marks & 32 > 0) AS unique_clicks
FROM (
    SELECT campaign_id, user_key,
           count(*) FILTER (WHERE type_key = 2) AS sends,
           count(*) FILTER (WHERE type_key = 6) AS opens,
           count(*) FILTER (WHERE type_key = 7) AS clicks,
           count(*) FILTER (WHERE type_key = 13) AS conversions,
           CAST(sum(amount) FILTER (WHERE type_key = 13 AND currency = $currency) * 10000 AS HUGEINT) AS revenue,
           bit_or(CASE type_key WHEN 2 THEN 1 WHEN 3 THEN 2 WHEN 5 THEN 4 WHEN 8 THEN 4 WHEN 4 THEN 8
                                WHEN 6 THEN 16 WHEN 7 THEN 32 ELSE 0 END) AS marks
    FROM events
    WHERE timestamp > make_timestamp($after) AND timestamp <= make_timestamp($as_of)
      AND type_key IN (2, 3, 4, 5, 6, 7, 8, 13)
    GROUP BY campaign_id, user_key
)
GROUP BY campaign_id
ORDER BY sends DESC, campaign_id NULLS LAST
LIMIT $most
