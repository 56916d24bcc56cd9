-- Queries as analysts write them; each has to give what plain DuckDB gives.

-- name: count
SELECT count(*) FROM events

-- name: from_first
FROM events ORDER BY event_id LIMIT 5

-- name: table
TABLE rollup_day

-- name: a_comment
-- how many?
SELECT count(*) /* all */ FROM events;

-- name: any_case
select Count(*) As N from EVENTS

-- name: quoted
SELECT "user_id" AS "who is it" FROM "events" ORDER BY ALL LIMIT 3

-- name: grouped
SELECT event_type, count(*) AS n FROM events GROUP BY ALL ORDER BY n DESC, event_type

-- name: having
SELECT user_id FROM events GROUP BY user_id HAVING count(*) > 40 ORDER BY 1

-- name: distinct
SELECT count(DISTINCT user_id) FROM events WHERE event_type LIKE 'email%'

-- name: distinct_on
SELECT DISTINCT ON (user_id) user_id, event_type FROM events ORDER BY user_id, timestamp, event_id

-- name: filter
SELECT count(*) FILTER (event_type = 'conversion') AS c, sum(amount) FILTER (amount > 50) FROM events

-- name: by_day
SELECT date_trunc('day', timestamp) AS day, count(*) FROM events GROUP BY day ORDER BY day

-- name: by_hour_in_berlin
SELECT extract(hour FROM timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin') AS h, count(*) FROM events
GROUP BY h ORDER BY h

-- name: time_bucket
SELECT time_bucket(INTERVAL 15 MINUTES, timestamp) AS b, count(*) FROM events GROUP BY b ORDER BY b

-- name: time_range
SELECT count(*) FROM events WHERE timestamp >= '2026-01-01' AND timestamp < DATE '2026-01-02'

-- name: since
SELECT count(*) FROM events WHERE timestamp > now()::TIMESTAMP - INTERVAL 7 DAYS

-- name: date_parts
SELECT dayname(timestamp), strftime(timestamp, '%Y-%m'), epoch(timestamp), last_day(timestamp) FROM events ORDER
BY event_id LIMIT 10

-- name: intervals
SELECT max(timestamp) - min(timestamp), age(max(timestamp), min(timestamp)), INTERVAL '1' MONTH FROM events

-- name: json_arrow
SELECT properties->>'country' AS country, count(*) FROM events GROUP BY country ORDER BY country

-- name: json_path
SELECT properties->'$.cart.items[0]'->>'sku', json_extract_string(properties, '$.cart.total') FROM events ORDER
BY event_id LIMIT 20

-- name: json_cast
SELECT sum((properties->>'n')::INTEGER), max(TRY_CAST(properties->>'country' AS INTEGER)) FROM events

-- name: json_keys
SELECT DISTINCT unnest(json_keys(properties)) AS k FROM events ORDER BY k

-- name: json_each
SELECT e.user_id, j.key FROM events e, json_each(e.properties) j ORDER BY ALL LIMIT 10

-- name: json_type
SELECT json_type(properties, '$.cart'), json_array_length(properties, '$.cart.items') FROM events ORDER BY
event_id LIMIT 5

-- name: row_number
SELECT user_id, event_type, row_number() OVER (PARTITION BY user_id ORDER BY timestamp, event_id) AS n FROM
events QUALIFY n = 2 ORDER BY user_id

-- name: lag
SELECT user_id, timestamp - lag(timestamp) OVER w AS gap FROM events WINDOW w AS (PARTITION BY user_id ORDER BY
timestamp, event_id) ORDER BY user_id, timestamp, event_id LIMIT 50

-- name: moving_average
SELECT start, avg(events) OVER (ORDER BY start ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM rollup_hour WHERE
event_type = 'email_sent' ORDER BY start

-- name: running_total
SELECT start, sum(sum(events)) OVER (ORDER BY start) FROM rollup_day GROUP BY start ORDER BY start

-- name: ranks
SELECT campaign_id, rank() OVER (ORDER BY count(*) DESC), ntile(2) OVER (ORDER BY count(*)), percent_rank() OVER
(ORDER BY count(*)) FROM events GROUP BY campaign_id ORDER BY ALL

-- name: first_value
SELECT DISTINCT first_value(event_type IGNORE NULLS) OVER (PARTITION BY user_id ORDER BY timestamp, event_id)
FROM events ORDER BY 1

-- name: ctes
WITH sent AS (SELECT DISTINCT user_id FROM events WHERE event_type = 'email_sent'), opened AS (SELECT DISTINCT
user_id FROM events WHERE event_type = 'email_opened') SELECT count(*), count(o.user_id) FROM sent LEFT JOIN
opened o USING (user_id)

-- name: a_cte_named_events
WITH events AS (SELECT * FROM events WHERE amount > 10) SELECT count(*) FROM events

-- name: materialized_cte
WITH a AS MATERIALIZED (SELECT user_id FROM events) SELECT count(*) FROM a, a b WHERE a.user_id = b.user_id

-- name: recursive
WITH RECURSIVE d(day) AS (SELECT DATE '2026-01-01' UNION ALL SELECT day + 1 FROM d WHERE day < DATE
'2026-01-05') SELECT day, count(user_id) FROM d LEFT JOIN events e ON e.timestamp::DATE = day GROUP BY day ORDER
BY day

-- name: grouping_sets
SELECT event_type, campaign_id, count(*), grouping(event_type) FROM events GROUP BY GROUPING SETS ((event_type,
campaign_id), (event_type), ()) ORDER BY ALL

-- name: rollup
SELECT event_type, campaign_id, sum(amount) FROM events GROUP BY ROLLUP (event_type, campaign_id) ORDER BY ALL

-- name: cube
SELECT event_type, source, count(*) FROM events GROUP BY CUBE (event_type, source) ORDER BY ALL

-- name: union
SELECT 'minute' AS grain, sum(events) FROM rollup_minute UNION ALL SELECT 'hour', sum(events) FROM rollup_hour
UNION SELECT 'day', sum(events) FROM rollup_day ORDER BY grain

-- name: except
SELECT user_id FROM events EXCEPT SELECT user_id FROM events WHERE event_type = 'conversion' ORDER BY 1

-- name: intersect
SELECT user_id FROM events INTERSECT SELECT user_id FROM events WHERE amount > 90 ORDER BY 1

-- name: lateral
SELECT u.user_id, l.event_type FROM (SELECT DISTINCT user_id FROM events) u, LATERAL (SELECT event_type FROM
events e WHERE e.user_id = u.user_id ORDER BY timestamp DESC, event_id LIMIT 1) l ORDER BY 1

-- name: join_of_rollups
SELECT d.start, d.events, sum(h.events) FROM rollup_day d JOIN rollup_hour h ON h.event_type = d.event_type AND
h.campaign_id = d.campaign_id AND date_trunc('day', h.start) = d.start GROUP BY ALL ORDER BY ALL

-- name: self_join
SELECT count(*) FROM events s JOIN events o ON s.user_id = o.user_id AND o.timestamp BETWEEN s.timestamp AND
s.timestamp + INTERVAL 1 HOUR WHERE s.event_type = 'email_sent' AND o.event_type = 'email_opened'

-- name: asof_join
SELECT e.event_id, r.start FROM events e ASOF JOIN rollup_hour r ON e.timestamp >= r.start ORDER BY e.event_id
LIMIT 5

-- name: semi_and_anti
SELECT (SELECT count(*) FROM events SEMI JOIN rollup_day USING (campaign_id)), (SELECT count(*) FROM events ANTI
JOIN rollup_day USING (campaign_id))

-- name: exists
SELECT count(*) FROM events e WHERE EXISTS (SELECT 1 FROM events c WHERE c.user_id = e.user_id AND c.event_type
= 'conversion') AND e.campaign_id NOT IN ('c1', 'c2')

-- name: any
SELECT count(*) FROM events WHERE amount > ALL (SELECT amount FROM events WHERE amount < 50) OR user_id = ANY
(SELECT 'u1')

-- name: lists
SELECT user_id, list(event_type ORDER BY timestamp, event_id) AS path FROM events GROUP BY user_id ORDER BY
user_id LIMIT 3

-- name: list_functions
SELECT list_distinct([1, 1]), list_sort([3, 1]), [1, 2, 3][2], [1, 2, 3][1:2], len([1]), list_contains([1], 1),
list_sum([1, 2]), flatten([[1], [2]]), array_to_string(['a', 'b'], '-')

-- name: lambdas
SELECT list_transform([1, 2], lambda x: x * 2), list_filter([1, 2, 3], lambda x, i: i > 1), [x + 1 FOR x IN [1,
2, 3] IF x > 1]

-- name: unnest
SELECT user_id, unnest(string_split(link, '/')) AS part FROM events ORDER BY ALL LIMIT 10

-- name: quantiles
SELECT median(amount), quantile_cont(amount, [0.5, 0.95]), percentile_cont(0.9) WITHIN GROUP (ORDER BY amount),
mode(event_type), stddev_samp(amount) FROM events

-- name: statistics
SELECT corr(amount, amount), regr_slope(amount, amount), kurtosis(amount), bool_or(amount > 5),
any_value(source), arg_max(user_id, timestamp), string_agg(DISTINCT event_type, ',' ORDER BY event_type) FROM
events

-- name: histogram
SELECT histogram(event_type) FROM events

-- name: texts
SELECT upper(user_id), lpad(user_id, 6, '0'), repeat('*', 3), replace(link, 'https://', ''),
regexp_extract(link, '([a-z]+)$', 1), split_part(link, '/', 3), user_id || ':' || event_type, format('{:.1f} %',
12.34), printf('%05.1f', 1.25), trim(' x '), link ~ 'shop', starts_with(link, 'https') FROM events ORDER BY
event_id LIMIT 5

-- name: maths
SELECT round(100.0 * count(*) FILTER (event_type = 'email_opened') / nullif(count(*), 0), 2), 7 // 2, 7 % 2, 2
** 3, sqrt(2), greatest(1, 2), -abs(-1), floor(1.5) FROM events

-- name: choices
SELECT CASE WHEN amount > 50 THEN 'big' WHEN amount IS NULL THEN 'none' ELSE 'small' END AS size, count(*),
coalesce(max(campaign_id), '(none)'), max(if(amount > 1, 1, 0)) FROM events GROUP BY size ORDER BY size

-- name: structs
SELECT {'a': 1, 'b': 'x'} AS s, s.a, map {'k': 1}['k'], row(1, 'x'), struct_pack(n := 1).n

-- name: stars
SELECT * EXCLUDE (properties) REPLACE (upper(event_type) AS event_type) FROM events ORDER BY event_id LIMIT 3

-- name: columns
SELECT COLUMNS('.*_id') FROM events ORDER BY event_id LIMIT 3

-- name: values
SELECT a, b FROM (VALUES (1, 'x'), (2, 'y')) v(a, b) ORDER BY a

-- name: days_without_events
SELECT d.day, count(e.event_id) FROM generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-10', INTERVAL 1
DAY) d(day) LEFT JOIN events e ON date_trunc('day', e.timestamp) = d.day GROUP BY d.day ORDER BY d.day

-- name: aliases
SELECT count(*) AS n, n * 2 AS twice, twice + n AS thrice FROM events WHERE amount IS NULL

-- name: one_name_twice
SELECT 1 AS a, 2 AS a, 'x' AS "A"

-- name: sample
SELECT count(*) < 1000 FROM events USING SAMPLE 10 PERCENT (bernoulli)

-- name: collate
SELECT DISTINCT event_type FROM events ORDER BY event_type COLLATE NOCASE DESC NULLS LAST

-- name: empty
SELECT user_id, amount FROM events WHERE false

-- name: a_funnel
WITH steps AS (SELECT user_id, min(timestamp) FILTER (event_type = 'email_sent') AS s, min(timestamp) FILTER
(event_type = 'email_opened') AS o, min(timestamp) FILTER (event_type = 'conversion') AS c FROM events GROUP BY
user_id) SELECT count(s), count(*) FILTER (o >= s), count(*) FILTER (c >= o AND o >= s) FROM steps

-- name: a_cohort
WITH firsts AS (SELECT user_id, date_trunc('week', min(timestamp)) AS cohort FROM events GROUP BY 1) SELECT
cohort, date_diff('week', cohort, timestamp) AS week, count(DISTINCT e.user_id) FROM events e JOIN firsts USING
(user_id) GROUP BY ALL ORDER BY ALL

-- name: paths_as_text
WITH paths AS (
    SELECT user_id, array_to_string(list(event_type ORDER BY timestamp, event_id)[1:4], ' > ') AS path
    FROM events
    GROUP BY user_id
)
SELECT path, count(*) FROM paths GROUP BY path ORDER BY ALL

-- name: likes
SELECT count(*) FROM events
WHERE event_type LIKE 'email\_%' ESCAPE '\' OR event_type ILIKE '%CONV%' OR link LIKE '%shop%a%' OR user_id LIKE 'u_'

-- name: needles
SELECT count(*) FROM events
WHERE contains(link, left(campaign_id, 20)) OR position('shop' IN link) > 3 OR instr(link, '/b') > 0

-- name: many_columns_joined
SELECT concat_ws(' ', event_type, user_id, campaign_id, source, link, currency), event_type || '-' || user_id || '-' || source
FROM events ORDER BY event_id LIMIT 5
