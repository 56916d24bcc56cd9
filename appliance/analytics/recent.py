"""The last 48 hours, read once: what every trailing figure of one instant is computed from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import duckdb

from appliance.analytics.first_seen import new_users
from appliance.analytics.measures import ACTIVE_SQL, Measure
from appliance.analytics.reading import fetch, fill
from appliance.clock import DAY_US, HOUR_US
from appliance.events.types import KNOWN_TYPES
from appliance.sql import queries

_SQL = {name: fill(text, {"active": ACTIVE_SQL}) for name, text in queries("appliance.analytics", "recent.sql").items()}
_COUNTED = {
    KNOWN_TYPES["email_sent"]: Measure.SENDS,
    KNOWN_TYPES["email_opened"]: Measure.OPENS,
    KNOWN_TYPES["email_clicked"]: Measure.CLICKS,
    KNOWN_TYPES["email_bounced"]: Measure.BOUNCES,
    KNOWN_TYPES["referral_made"]: Measure.REFERRALS,
    KNOWN_TYPES["contest_joined"]: Measure.CONTEST_JOINS,
    KNOWN_TYPES["conversion"]: Measure.CONVERSIONS,
    KNOWN_TYPES["error"]: Measure.ERRORS,
    KNOWN_TYPES["api_request"]: Measure.API_REQUESTS,
}
_LAST_HOUR, _REST_OF_DAY, _DAY_BEFORE = range(3)


@dataclass(frozen=True)
class Recent:
    """The measures of three windows that end at ``as_of_us``, each later than its start up to its end."""

    as_of_us: int
    hour: Counter[Measure]
    """The last hour; ``active_events`` and ``sessions`` are known of it alone."""
    day: Counter[Measure]
    """The last 24 hours; ``new_users`` is known of it alone."""
    day_before: Counter[Measure]
    """The 24 hours before those."""
    money_of_day: dict[str, int]
    """Revenue of the last 24 hours by currency, in ten-thousandths."""


def read_recent(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, base_currency: str) -> Recent:
    """Read it; call it within one snapshot."""
    parameters = {
        "as_of": as_of_us,
        "hour_ago": as_of_us - HOUR_US,
        "day_ago": as_of_us - DAY_US,
        "two_days_ago": as_of_us - 2 * DAY_US,
    }
    slices: list[Counter[Measure]] = [Counter(), Counter(), Counter()]
    for part, type_key, events in fetch(cursor, _SQL["tally"], parameters):
        if type_key in _COUNTED:
            slices[part][_COUNTED[type_key]] = events
    money = fetch(cursor, _SQL["money"], parameters)
    for part, currency, amount in money:
        if currency == base_currency:
            slices[part][Measure.REVENUE] = amount
    hour, day, before = slices[_LAST_HOUR], _sum(slices[_LAST_HOUR], slices[_REST_OF_DAY]), slices[_DAY_BEFORE]

    hour[Measure.ACTIVE_EVENTS], hour[Measure.SESSIONS], hour[Measure.ACTIVE_USERS] = fetch(
        cursor, _SQL["last_hour"], parameters
    )[0]
    day[Measure.ACTIVE_USERS] = _active_people(cursor, as_of_us - DAY_US, as_of_us)
    before[Measure.ACTIVE_USERS] = _active_people(cursor, as_of_us - 2 * DAY_US, as_of_us - DAY_US)
    day[Measure.NEW_USERS] = new_users(cursor, from_us=as_of_us - DAY_US + 1, to_us=as_of_us + 1)
    return Recent(as_of_us, hour, day, before, _money_of_day(money))


def read_funnel(cursor: duckdb.DuckDBPyConnection, as_of_us: int) -> tuple[int, ...]:
    """People of the last 24 hours at each step of the e-mail funnel: sent, opened, clicked, converted."""
    return fetch(cursor, _SQL["funnel"], {"as_of": as_of_us, "day_ago": as_of_us - DAY_US})[0]


def _active_people(cursor: duckdb.DuckDBPyConnection, after_us: int, until_us: int) -> int:
    found: int = fetch(cursor, _SQL["active_people"], {"after": after_us, "until": until_us})[0][0]
    return found


def _sum(one: Counter[Measure], other: Counter[Measure]) -> Counter[Measure]:
    """Both together; unlike ``+`` it keeps what is negative, as refunds are."""
    total = Counter(one)
    total.update(other)
    return total


def _money_of_day(rows: list[tuple[int, str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part, currency, amount in rows:
        if part != _DAY_BEFORE:
            total[currency] = total.get(currency, 0) + amount
    return dict(sorted(total.items()))
