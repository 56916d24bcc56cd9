"""What can be counted, summed or told apart in a set of events: the atoms that formulas are made of.

Every measure is an ``int``; money is in ten-thousandths of its currency, so that sums are exact.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from appliance.analytics.reading import body, fill
from appliance.events.types import KNOWN_TYPES
from appliance.sql import queries

_SQL = queries("appliance.analytics", "measures.sql")


class Measure(StrEnum):
    """The measures by name."""

    EVENTS = "events"
    """All events, of any type."""
    SENDS = "sends"
    """``email_sent`` events."""
    OPENS = "opens"
    """``email_opened`` events, machine-labelled ones included."""
    CLICKS = "clicks"
    """``email_clicked`` events, machine-labelled ones included."""
    BOUNCES = "bounces"
    """``email_bounced`` events, hard and soft."""
    REFERRALS = "referrals"
    """``referral_made`` events."""
    CONTEST_JOINS = "contest_joins"
    """``contest_joined`` events."""
    CONVERSIONS = "conversions"
    """``conversion`` events, of any currency and also without an amount."""
    ERRORS = "errors"
    """``error`` events."""
    API_REQUESTS = "api_requests"
    """``api_request`` events."""
    REVENUE = "revenue"
    """Money of ``conversion`` events in one currency; refunds are negative."""
    ACTIVE_EVENTS = "active_events"
    """Events of active types, without machine-labelled opens and clicks."""
    ACTIVE_USERS = "active_users"
    """Distinct users with an active event."""
    SESSIONS = "sessions"
    """Distinct session ids of active events."""
    NEW_USERS = "new_users"
    """Users whose first ``user_registration`` ever is in the set."""


ACTIVE_SQL: Final = body(_SQL["active"])
"""The condition under which an event is active."""

_AGGREGATES: Final = {Measure.REVENUE: "sum", Measure.ACTIVE_USERS: "users", Measure.SESSIONS: "sessions_of"}
"""The block that aggregates a measure; a count for those not named."""

# Narrow keys compare faster, but rollups know types by name alone.
_TYPES_BY_KEY: Final = {name: f"type_key = {key}" for name, key in KNOWN_TYPES.items()}
_TYPES_BY_NAME: Final = {name: f"event_type = '{name}'" for name in KNOWN_TYPES}


def condition_sql(measure: Measure, *, each_currency: bool = False, counted: bool = False) -> str:
    """The condition under which an event counts for ``measure``.

    Revenue refers to the parameter ``$currency``, except with ``each_currency``, for groups of one
    currency each. New users are counted over their first registrations alone, hence all rows. With
    ``counted`` each row stands for as many events of one kind as its column ``events`` says.
    """
    match measure:
        case Measure.REVENUE if each_currency:
            block = "revenue_of_each_currency"
        case Measure.ACTIVE_EVENTS | Measure.ACTIVE_USERS:
            block = "active"
        case Measure.EVENTS | Measure.NEW_USERS:
            return "true"
        case _:
            block = measure.value
    types = _TYPES_BY_NAME if counted else _TYPES_BY_KEY
    return fill(body(_SQL[block]), {"active": ACTIVE_SQL, **types})


def aggregate_sql(measure: Measure, *, each_currency: bool = False, counted: bool = False) -> str:
    """The aggregate that answers ``measure`` for a group of events."""
    block = _AGGREGATES.get(measure, "count_of_counted" if counted else "count")
    condition = condition_sql(measure, each_currency=each_currency, counted=counted)
    return fill(body(_SQL[block]), {"condition": condition})
