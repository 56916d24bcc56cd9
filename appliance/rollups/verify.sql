-- name: extent
-- How many events there are up to the cursor, how many wait behind it, how many first times are kept.
SELECT
    count(*) FILTER (seq <= $cursor),
    count(*) FILTER (seq > $cursor),
    (SELECT count(*) FROM first_seen)
FROM events;

-- name: days
-- The days that have events or buckets, with how many of both: what the slices are cut from.
SELECT epoch_us(day), sum(entries)::BIGINT
FROM (
    SELECT date_trunc('day', timestamp) AS day, count(*) AS entries
    FROM events WHERE seq <= $cursor AND isfinite(timestamp) GROUP BY ALL
    UNION ALL
    SELECT date_trunc('day', start) AS day, count(*) AS entries FROM rollup_minute GROUP BY ALL
    UNION ALL
    SELECT date_trunc('day', start) AS day, count(*) AS entries FROM rollup_hour GROUP BY ALL
    UNION ALL
    SELECT date_trunc('day', start) AS day, count(*) AS entries FROM rollup_day GROUP BY ALL
)
GROUP BY day
ORDER BY day;

-- name: buckets
-- Buckets that are missing, too many, stored twice or have another count or sum than the log's events.
SELECT
    start,
    event_type,
    campaign_id,
    currency,
    {{'events': sum(log_events)::BIGINT, 'amount': sum(log_amount), 'rows': least(count(log_events), 1)}} AS expected,
    {{'events': sum(events)::BIGINT, 'amount': sum(amount), 'rows': count(events)}} AS found,
    count(*) OVER () AS total
FROM (
    SELECT
        date_trunc('{level}', timestamp)::TIMESTAMP AS start,
        event_type,
        campaign_id,
        CASE WHEN amount IS NOT NULL THEN currency END AS currency,
        count(*) AS log_events,
        sum(amount) AS log_amount,
        NULL::BIGINT AS events,
        NULL::DECIMAL(38, 4) AS amount
    FROM events
    WHERE seq <= $cursor
        AND timestamp >= make_timestamp($from_us) AND timestamp < make_timestamp($to_us)
        AND timestamp >= $complete_from::TIMESTAMP
    GROUP BY ALL
    UNION ALL
    SELECT start, event_type, campaign_id, currency, NULL, NULL, events, amount
    FROM rollup_{level}
    WHERE start >= make_timestamp($from_us) AND start < make_timestamp($to_us)
)
GROUP BY start, event_type, campaign_id, currency
HAVING sum(log_events) IS DISTINCT FROM sum(events)
    OR sum(log_amount) IS DISTINCT FROM sum(amount)
    OR count(events) <> least(count(log_events), 1)
ORDER BY start
LIMIT $most;

-- name: firsts
-- First times that aren't what the log says. One from before the last expiry may be earlier than anything left.
SELECT user_key, type_key, expected, stored AS found, count(*) OVER () AS total
FROM (
    SELECT
        user_key,
        type_key,
        min(first_at) AS stored,
        count(first_at) AS entries,
        CASE
            WHEN min(first_at) < $expired_before::TIMESTAMP AND coalesce(min(first_at) < min(log_at), true)
                THEN min(first_at)
            ELSE min(log_at)
        END AS expected
    FROM (
        SELECT user_key, type_key, min(timestamp) AS log_at, NULL::TIMESTAMP AS first_at
        FROM events
        WHERE seq <= $cursor AND user_key BETWEEN $low AND $high
        GROUP BY ALL
        UNION ALL
        SELECT user_key, type_key, NULL, first_at FROM first_seen WHERE user_key BETWEEN $low AND $high
    )
    GROUP BY user_key, type_key
)
WHERE expected IS DISTINCT FROM stored OR entries <> 1
ORDER BY user_key, type_key
LIMIT $most;

-- name: remove_firsts
-- Take out the entries that a repair writes anew.
DELETE FROM first_seen AS f USING repairs AS r WHERE f.user_key = r.user_key AND f.type_key = r.type_key;

-- name: insert_firsts
-- What a repair found to be right.
INSERT INTO first_seen SELECT user_key, type_key, expected FROM repairs WHERE expected IS NOT NULL;

-- name: last_row
-- The physical place of the log's last row.
SELECT coalesce(max(rowid), -1) FROM events;

-- name: seq_order
-- Events whose sequence number isn't above that of the event stored before them.
SELECT seq, 'above ' || previous AS expected, seq AS found, count(*) OVER () AS total
FROM (
    SELECT seq, coalesce(lag(seq) OVER (ORDER BY rowid), $previous::BIGINT) AS previous
    FROM events
    WHERE rowid BETWEEN $low AND $high
)
WHERE seq <= previous
LIMIT $most;

-- name: last_seq
-- The sequence number of the last event of a stretch of rows.
SELECT arg_max(seq, rowid) FROM events WHERE rowid BETWEEN $low AND $high;

-- name: repeated_ids
-- The ids of one slice that were stored more than once. (Against a signed number the remainder takes 20 times as long.)
SELECT event_id FROM events WHERE hash(event_id) % $slices::UBIGINT = $slice::UBIGINT GROUP BY event_id HAVING count(*) > 1;

-- name: stored_again
-- Events with an id that was stored before, though de-duplication was bound to know it still.
SELECT
    event_id,
    seq,
    'one event with this id' AS expected,
    'event ' || earlier || ' has it too' AS found,
    count(*) OVER () AS total
FROM (
    SELECT
        e.event_id,
        e.seq,
        lag(e.seq) OVER ids AS earlier,
        e.id_given AND lag(e.id_given) OVER ids AS given,
        abs(epoch_us(e.received_at) - lag(epoch_us(e.received_at)) OVER ids) AS apart_us
    FROM events AS e
    JOIN repeated ON repeated.event_id = e.event_id
    WINDOW ids AS (PARTITION BY e.event_id ORDER BY e.seq)
)
WHERE earlier IS NOT NULL
    AND (NOT given
        OR seq - earlier <= $least_known
        OR (apart_us <= $known_us AND seq - earlier <= $most_known))
ORDER BY seq
LIMIT $most;

-- name: type_pairs
-- The types in the log with their keys, each with one event that has both.
SELECT event_type, type_key, min(seq) FROM events GROUP BY ALL ORDER BY ALL;

-- name: custom_types
-- The keys given out to custom types.
SELECT event_type, type_key FROM event_types ORDER BY type_key;

-- name: users
-- The user ids in the log with their keys.
SELECT DISTINCT user_id, user_key FROM events WHERE user_key BETWEEN $low AND $high;

-- name: row_faults
-- Events that have no usable time, or money without a currency, or a currency without money.
SELECT seq, expected, found, count(*) OVER () AS total
FROM (
    SELECT seq, 'a time' AS expected, timestamp::VARCHAR AS found
    FROM events WHERE NOT coalesce(isfinite(timestamp), false)
    UNION ALL
    SELECT seq, 'a time of receipt', received_at::VARCHAR
    FROM events WHERE NOT coalesce(isfinite(received_at), false)
    UNION ALL
    SELECT seq, 'amount and currency, or neither', concat_ws(' ', amount, currency)
    FROM events WHERE (amount IS NULL) <> (currency IS NULL)
)
ORDER BY seq
LIMIT $most;
