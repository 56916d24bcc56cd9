-- name: points
-- The measures of each bucket of one run; buckets without an event that counts are missing.
SELECT (epoch_us(timestamp) - $run_start) // $width AS bucket, {aggregates}
FROM {events} AS event
WHERE timestamp >= make_timestamp($start) AND timestamp < make_timestamp($end) AND ({relevant})
GROUP BY bucket

-- name: sizes
-- The largest groups: their name, how many events that count they have, and how many groups there are in all.
SELECT {group} AS name, {size} AS size, count(*) OVER () AS groups
FROM {events} AS event
WHERE timestamp >= make_timestamp($start) AND timestamp < make_timestamp($end) AND ({relevant})
GROUP BY name
ORDER BY size DESC, name NULLS LAST
LIMIT $most

-- name: grouped_points
-- As points, for each of the named groups by its place in $names; place NULL holds all other groups together.
WITH listed AS (
    SELECT unnest(CAST($names AS VARCHAR[])) AS name, generate_subscripts(CAST($names AS VARCHAR[]), 1) - 1 AS place
)
SELECT (epoch_us(timestamp) - $run_start) // $width AS bucket, place, {aggregates}
FROM (
    SELECT *, {group} AS name
    FROM {events} AS event
    WHERE timestamp >= make_timestamp($start) AND timestamp < make_timestamp($end) AND ({relevant})
) AS event
LEFT JOIN listed ON event.name IS NOT DISTINCT FROM listed.name
GROUP BY bucket, place
