-- name: letters_there
-- Which of the letters asked for lie in the log, and how much of each one's payload was kept at most.
SELECT id, least(payload_bytes, $kept_bytes) FROM dead_letters SEMI JOIN asked_letters USING (id)

-- name: letters_replayed
-- Which of the letters asked for were replayed.
SELECT DISTINCT id FROM replayed_dead_letters SEMI JOIN asked_letters USING (id)

-- name: stock
-- How many letters are kept, how many bytes of payload, and what became of the others. Reads no payload.
SELECT
    (SELECT count(*) FROM dead_letters),
    (SELECT coalesce(sum(least(payload_bytes, $kept_bytes)), 0)::BIGINT FROM dead_letters),
    dropped,
    replayed
FROM dead_letter_totals

-- name: drop_old
-- Remove letters received before an instant.
DELETE FROM dead_letters WHERE received_at < make_timestamp($before_us)

-- name: drop_excess
-- Remove letters beyond the newest so many, or beyond the newest so many bytes of payload.
DELETE FROM dead_letters
WHERE rowid IN (
    SELECT place
    FROM (
        SELECT
            rowid AS place,
            row_number() OVER newest_first AS rows_kept,
            sum(least(payload_bytes, $kept_bytes)) OVER newest_first AS bytes_kept
        FROM dead_letters
        WINDOW newest_first AS (ORDER BY received_at DESC, rowid DESC ROWS UNBOUNDED PRECEDING)
    )
    WHERE rows_kept > $most_rows OR bytes_kept > $most_bytes
)

-- name: count_dropped
-- What the bounds let go is counted for ever.
UPDATE dead_letter_totals SET dropped = dropped + $dropped

-- name: forget_replayed
-- Let go of the memory of letters replayed before an instant.
DELETE FROM replayed_dead_letters WHERE replayed_at < make_timestamp($before_us)

-- name: discard
-- Remove the letters asked for.
DELETE FROM dead_letters WHERE id IN (SELECT id FROM asked_letters)
