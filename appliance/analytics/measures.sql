-- name: active
-- Whether an event is something a person did: no passive type (see PASSIVE_TYPES), no machine's open or click.
(type_key NOT IN (2, 3, 4, 5, 8, 14, 15)
 AND (type_key NOT IN (6, 7) OR label IS NULL OR label NOT IN ('machine_prefetch', 'scanner')))

-- name: sends
-- email_sent
{email_sent}

-- name: opens
-- email_opened
{email_opened}

-- name: clicks
-- email_clicked
{email_clicked}

-- name: bounces
-- email_bounced
{email_bounced}

-- name: referrals
-- referral_made
{referral_made}

-- name: contest_joins
-- contest_joined
{contest_joined}

-- name: conversions
-- conversion
{conversion}

-- name: errors
-- error
{error}

-- name: api_requests
-- api_request
{api_request}

-- name: revenue
-- Conversions with an amount in the currency asked for.
({conversion} AND currency = $currency)

-- name: revenue_of_each_currency
-- Conversions with an amount, where the grouping keeps currencies apart.
({conversion} AND amount IS NOT NULL)

-- name: sessions
-- Active events that carry a session.
({active} AND session_id IS NOT NULL)

-- name: count
-- How many events fulfil {condition}.
count(*) FILTER (WHERE {condition})

-- name: count_of_counted
-- The same where a row stands for several events, as rows of rollups do; NULL without any.
sum(events) FILTER (WHERE {condition})

-- name: sum
-- Money of the events that fulfil {condition}, in ten-thousandths; NULL without any.
CAST(sum(amount) FILTER (WHERE {condition}) * 10000 AS HUGEINT)

-- name: users
-- How many people stand behind the events that fulfil {condition}.
count(DISTINCT user_key) FILTER (WHERE {condition})

-- name: sessions_of
-- How many sessions the events that fulfil {condition} belong to.
count(DISTINCT session_id) FILTER (WHERE {condition})
