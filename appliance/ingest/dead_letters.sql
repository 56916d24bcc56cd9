-- name: place
-- Where a letter stands in the order of receipt.
SELECT epoch_us(received_at), rowid FROM dead_letters WHERE id = $id::UUID

-- name: total
-- How many letters match.
SELECT count(*)
FROM dead_letters
WHERE ($source::VARCHAR IS NULL OR source = $source)
  AND ($code::VARCHAR IS NULL OR code = $code)
  AND ($from_us::BIGINT IS NULL OR received_at >= make_timestamp($from_us::BIGINT))
  AND ($to_us::BIGINT IS NULL OR received_at < make_timestamp($to_us::BIGINT))

-- name: page
-- The letters that match, newest first, as many as asked for, until their payloads are too much for one answer.
-- The narrow columns choose; payloads are read of the chosen ones only.
WITH chosen AS (
    SELECT rowid AS place, received_at, payload_bytes
    FROM dead_letters
    WHERE ($source::VARCHAR IS NULL OR source = $source)
      AND ($code::VARCHAR IS NULL OR code = $code)
      AND ($from_us::BIGINT IS NULL OR received_at >= make_timestamp($from_us::BIGINT))
      AND ($to_us::BIGINT IS NULL OR received_at < make_timestamp($to_us::BIGINT))
      AND (
          $before_us::BIGINT IS NULL
          OR received_at < make_timestamp($before_us::BIGINT)
          OR (received_at = make_timestamp($before_us::BIGINT) AND rowid < $before_place::BIGINT)
      )
    ORDER BY received_at DESC, place DESC
    LIMIT $limit
),
summed AS (
    SELECT place, sum(least(payload_bytes, $kept_bytes)) OVER (
        ORDER BY received_at DESC, place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS bytes_before
    FROM chosen
)
SELECT id, epoch_us(received_at), source, code, field, message, origin, payload, payload_bytes
FROM dead_letters JOIN summed ON dead_letters.rowid = summed.place
WHERE coalesce(bytes_before, 0) < $most_bytes
ORDER BY received_at DESC, place DESC

-- name: one
-- One letter.
SELECT id, epoch_us(received_at), source, code, field, message, origin, payload, payload_bytes
FROM dead_letters
WHERE id = $id::UUID

-- name: to_replay
-- The letters asked for, with their payloads where those are whole.
SELECT id, epoch_us(received_at), source, payload_bytes, CASE WHEN payload_bytes <= $kept_bytes THEN payload END
FROM dead_letters SEMI JOIN asked_letters USING (id)

-- name: replayed
-- Which of the letters asked for were replayed.
SELECT DISTINCT id FROM replayed_dead_letters SEMI JOIN asked_letters USING (id)
