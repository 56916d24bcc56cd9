-- name: log
-- The name of the database that a new cursor is in: the log.
SELECT current_database()

-- name: attach
-- A database in memory that holds the views and nothing else. It is where strangers' names are looked up, so that a
-- table of the log has no name there; it goes when the log is closed.
ATTACH IF NOT EXISTS ':memory:' AS cage

-- name: create
-- What strangers may read; $log is the name that the database of the log has.
CREATE VIEW IF NOT EXISTS cage.main.events AS
SELECT
    event_id,
    event_type,
    user_id,
    session_id,
    campaign_id,
    timestamp,
    received_at,
    amount,
    currency,
    bounce_type,
    link,
    mailbox_provider,
    label,
    source,
    properties
FROM $log.main.events;
CREATE VIEW IF NOT EXISTS cage.main.rollup_minute AS
SELECT start, event_type, campaign_id, currency, events, amount FROM $log.main.rollup_minute;
CREATE VIEW IF NOT EXISTS cage.main.rollup_hour AS
SELECT start, event_type, campaign_id, currency, events, amount FROM $log.main.rollup_hour;
CREATE VIEW IF NOT EXISTS cage.main.rollup_day AS
SELECT start, event_type, campaign_id, currency, events, amount FROM $log.main.rollup_day;

-- name: enter
-- From here on the cursor finds the views by their names, and no table of the log by its own.
USE cage
