-- name: count
-- How many events a selection has.
SELECT count(*)
FROM events
WHERE ($from_us IS NULL OR timestamp >= make_timestamp($from_us))
  AND ($to_us IS NULL OR timestamp < make_timestamp($to_us))
  AND ($event_type IS NULL OR event_type = $event_type)
  AND ($campaign_id IS NULL OR campaign_id = $campaign_id)

-- name: parquet
-- The events of a selection in the order of the log, as columns: the event's own fields and received_at.
SELECT
    event_id::VARCHAR AS event_id,
    event_type,
    user_id,
    timestamp,
    session_id,
    campaign_id,
    properties,
    received_at
FROM events
WHERE ($from_us IS NULL OR timestamp >= make_timestamp($from_us))
  AND ($to_us IS NULL OR timestamp < make_timestamp($to_us))
  AND ($event_type IS NULL OR event_type = $event_type)
  AND ($campaign_id IS NULL OR campaign_id = $campaign_id)

-- name: ndjson
-- The events of a selection in the order of the log, each as a line of JSON. Times have six decimals at first:
-- those that say nothing go, as everywhere else in the API.
SELECT concat(
    '{"event_id":"', event_id::VARCHAR,
    '","event_type":"', event_type,
    '","user_id":', to_json(user_id),
    ',"timestamp":"', rtrim(rtrim(strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.'),
    'Z","session_id":', coalesce(to_json(session_id)::VARCHAR, 'null'),
    ',"campaign_id":', coalesce(to_json(campaign_id)::VARCHAR, 'null'),
    ',"properties":', properties,
    ',"received_at":"', rtrim(rtrim(strftime(received_at, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.'),
    'Z"}', chr(10)
) AS line
FROM events
WHERE ($from_us IS NULL OR timestamp >= make_timestamp($from_us))
  AND ($to_us IS NULL OR timestamp < make_timestamp($to_us))
  AND ($event_type IS NULL OR event_type = $event_type)
  AND ($campaign_id IS NULL OR campaign_id = $campaign_id)

-- name: csv
-- The events of a selection in the order of the log, each as a row of CSV by RFC 4180: quotes where there must be
-- some, nothing for a missing value.
SELECT concat(
    event_id::VARCHAR, ',', event_type, ',',
    CASE WHEN contains(user_id, '"') OR contains(user_id, ',') OR contains(user_id, chr(10))
           OR contains(user_id, chr(13))
         THEN '"' || replace(user_id, '"', '""') || '"' ELSE user_id END, ',',
    rtrim(rtrim(strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.'), 'Z,',
    CASE WHEN contains(session_id, '"') OR contains(session_id, ',') OR contains(session_id, chr(10))
           OR contains(session_id, chr(13))
         THEN '"' || replace(session_id, '"', '""') || '"' ELSE session_id END, ',',
    CASE WHEN contains(campaign_id, '"') OR contains(campaign_id, ',') OR contains(campaign_id, chr(10))
           OR contains(campaign_id, chr(13))
         THEN '"' || replace(campaign_id, '"', '""') || '"' ELSE campaign_id END, ',',
    '"', replace(properties, '"', '""'), '",',
    rtrim(rtrim(strftime(received_at, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.'), 'Z', chr(13), chr(10)
) AS line
FROM events
WHERE ($from_us IS NULL OR timestamp >= make_timestamp($from_us))
  AND ($to_us IS NULL OR timestamp < make_timestamp($to_us))
  AND ($event_type IS NULL OR event_type = $event_type)
  AND ($campaign_id IS NULL OR campaign_id = $campaign_id)
