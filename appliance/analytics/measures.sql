-- name: active
-- Whether an event is something a person did: no passive type (see PASSIVE_TYPES), no machine's open or click.
(type_key NOT IN (2, 3, 4, 5, 8, 14, 15)
 AND (type_key NOT IN (6, 7) OR label IS NULL OR label NOT IN ('machine_prefetch', 'scanner')))

-- name: sends
-- email_sent
type_key = 2

-- name: opens
-- email_opened
type_key = 6

-- name: clicks
-- email_clicked
type_key = 7

-- name: bounces
-- email_bounced
type_key = 8

-- name: referrals
-- referral_made
type_key = 11

-- name: contest_joins
-- contest_joined
type_key = 12

-- name: conversions
-- conversion
type_key = 13

-- name: errors
-- error
type_key = 14

-- name: api_requests
-- api_request
type_key = 15

-- name: revenue
-- Conversions with an amount in the currency asked for.
(type_key = 13 AND currency = $currency)

-- name: revenue_of_each_currency
-- Conversions with an amount, where the grouping keeps currencies apart.
(type_key = 13 AND amount IS NOT NULL)

-- name: sessions
-- Active events that carry a session.
({active} AND session_id IS NOT NULL)

-- name: count
-- How many events fulfil {condition}.
count(*) FILTER (WHERE {condition})

-- name: sum
-- Money of the events that fulfil {condition}, in ten-thousandths; NULL without any.
CAST(sum(amount) FILTER (WHERE {condition}) * 10000 AS HUGEINT)

-- name: users
-- How many people stand behind the events that fulfil {condition}.
count(DISTINCT user_key) FILTER (WHERE {condition})

-- name: sessions_of
-- How many sessions the events that fulfil {condition} belong to.
count(DISTINCT session_id) FILTER (WHERE {condition})
