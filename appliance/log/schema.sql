-- name: create
-- The tables of a log, version 1. No primary keys and no indexes: they would make writes 2 to 13
-- times slower and keep deleted space from being used again; the writer keeps ids unique itself.
CREATE TABLE IF NOT EXISTS log_identity (
    identity VARCHAR NOT NULL,
    schema_version INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL,
    -- the highest seq ever given out whose event may have expired since: a seq is never used again
    seq_floor BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS event_types (
    type_key USMALLINT NOT NULL,
    event_type VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    seq BIGINT NOT NULL,
    event_id UUID NOT NULL,
    id_given BOOLEAN NOT NULL,
    event_type VARCHAR NOT NULL,
    type_key USMALLINT NOT NULL,
    user_id VARCHAR NOT NULL,
    user_key UBIGINT NOT NULL,
    session_id VARCHAR,
    campaign_id VARCHAR,
    timestamp TIMESTAMP NOT NULL,
    received_at TIMESTAMP NOT NULL,
    amount DECIMAL(18, 4),
    currency VARCHAR,
    bounce_type VARCHAR,
    link VARCHAR,
    mailbox_provider VARCHAR,
    referred_user_id VARCHAR,
    contest_id VARCHAR,
    label VARCHAR,
    label_version UTINYINT,
    source VARCHAR NOT NULL,
    properties VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS dead_letters (
    id UUID NOT NULL,
    received_at TIMESTAMP NOT NULL,
    source VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    field VARCHAR,
    message VARCHAR NOT NULL,
    origin VARCHAR,
    payload BLOB NOT NULL
);
-- how long the payload was as it came: of a long one only the beginning is kept
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS payload_bytes BIGINT;
UPDATE dead_letters SET payload_bytes = octet_length(payload) WHERE payload_bytes IS NULL;
CREATE TABLE IF NOT EXISTS replayed_dead_letters (
    id UUID NOT NULL,
    replayed_at TIMESTAMP NOT NULL
);
-- since the log was made: let go by the bounds, and replayed
CREATE TABLE IF NOT EXISTS dead_letter_totals (
    dropped BIGINT NOT NULL,
    replayed BIGINT NOT NULL
);
INSERT INTO dead_letter_totals SELECT 0, 0 WHERE NOT EXISTS (FROM dead_letter_totals);
CREATE TABLE IF NOT EXISTS followers (
    name VARCHAR NOT NULL,
    seq BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS rollup_minute (
    start TIMESTAMP NOT NULL,
    event_type VARCHAR NOT NULL,
    campaign_id VARCHAR,
    currency VARCHAR,
    events BIGINT NOT NULL,
    amount DECIMAL(38, 4)
);
CREATE TABLE IF NOT EXISTS rollup_hour (
    start TIMESTAMP NOT NULL,
    event_type VARCHAR NOT NULL,
    campaign_id VARCHAR,
    currency VARCHAR,
    events BIGINT NOT NULL,
    amount DECIMAL(38, 4)
);
CREATE TABLE IF NOT EXISTS rollup_day (
    start TIMESTAMP NOT NULL,
    event_type VARCHAR NOT NULL,
    campaign_id VARCHAR,
    currency VARCHAR,
    events BIGINT NOT NULL,
    amount DECIMAL(38, 4)
);
CREATE TABLE IF NOT EXISTS first_seen (
    user_key UBIGINT NOT NULL,
    type_key USMALLINT NOT NULL,
    first_at TIMESTAMP NOT NULL
);
-- how far the log has read each partition of Kafka; written in the transaction of what was read
CREATE TABLE IF NOT EXISTS kafka_offsets (
    group_id VARCHAR NOT NULL,
    topic VARCHAR NOT NULL,
    "partition" INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    -- Kafka's own id of the topic, empty where the broker tells none
    topic_id VARCHAR NOT NULL,
    -- how many times the partition has begun anew
    incarnation INTEGER NOT NULL
);
-- who reads: named in what is committed to Kafka, made once, and the same in a backup
CREATE TABLE IF NOT EXISTS kafka_consumer (
    consumer_id VARCHAR NOT NULL
);
INSERT INTO kafka_consumer SELECT uuid() WHERE NOT EXISTS (FROM kafka_consumer);
