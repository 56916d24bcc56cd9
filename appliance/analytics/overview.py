"""What the overview page shows beside the named metrics: funnel, hourly courses, sparklines."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb

from appliance.analytics.buckets import last_edges
from appliance.analytics.formulas import Quotient, Total, Values
from appliance.analytics.measures import Measure
from appliance.analytics.points import Span, bucketed
from appliance.analytics.rounding import rounded
from appliance.analytics.zones import local_iso

HOURS: Final = 24

_STEPS: Final = (
    ("Sent", "email_sent"),
    ("Opened", "email_opened"),
    ("Clicked", "email_clicked"),
    ("Converted", "conversion"),
)
_HOURLY: Final = (Measure.REVENUE, Measure.CONVERSIONS, Measure.SENDS, Measure.OPENS, Measure.CLICKS)
_REVENUE: Final = Total(Measure.REVENUE)
_OPEN_RATE: Final = Quotient(Measure.OPENS, Measure.SENDS)
_CLICK_RATE: Final = Quotient(Measure.CLICKS, Measure.SENDS)
_CLICK_TO_OPEN: Final = Quotient(Measure.CLICKS, Measure.OPENS)


@dataclass(frozen=True)
class Hourly:
    """The last 24 hours of a zone's clock, the last one unfinished, and the 24 hours before them."""

    starts: list[str]
    complete: list[bool]
    hours: list[Values]
    hours_before: list[Values]
    active_users: list[int]


def read_hourly(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, zone: ZoneInfo, base_currency: str) -> Hourly:
    """Read it; call it within one snapshot."""
    edges = last_edges("hour", zone, as_of_us, 2 * HOURS)
    hours = bucketed(cursor, _HOURLY, Span(edges, edges[0], as_of_us + 1), currency=base_currency)
    edges = edges[HOURS:]
    active = bucketed(cursor, (Measure.ACTIVE_USERS,), Span(edges, edges[0], as_of_us + 1), currency=base_currency)
    return Hourly(
        starts=[local_iso(start, zone) for start in edges[:-1]],
        complete=[end <= as_of_us for _, end in pairwise(edges)],
        hours=hours[HOURS:],
        hours_before=hours[:HOURS],
        active_users=[hour[Measure.ACTIVE_USERS] for hour in active],
    )


def funnel_of(people: tuple[int, ...]) -> dict[str, Any]:
    """The e-mail funnel of the last 24 hours, in any order: people with the step's event and all earlier ones'."""
    first = people[0]
    steps = [
        {
            "name": name,
            "event_type": event_type,
            "users": users,
            "percent_of_first": rounded(Fraction(100 * users, first), 2) if first else None,
        }
        for (name, event_type), users in zip(_STEPS, people, strict=True)
    ]
    return {"window": "24h", "steps": steps}


def revenue_of(hourly: Hourly, *, base_currency: str) -> dict[str, Any]:
    """Revenue by hour, and of the hour that stands 24 places earlier."""
    points = [
        {"start": start, "value": _REVENUE.value(hour), "complete": complete}
        for start, hour, complete in zip(hourly.starts, hourly.hours, hourly.complete, strict=True)
    ]
    return {"currency": base_currency, "points": points, "previous": _values(_REVENUE, hourly.hours_before)}


def rates_of(hourly: Hourly) -> dict[str, Any]:
    """The hourly window ratios, in percent."""
    points = [
        {
            "start": start,
            "open": _OPEN_RATE.value(hour),
            "click": _CLICK_RATE.value(hour),
            "click_to_open": _CLICK_TO_OPEN.value(hour),
        }
        for start, hour in zip(hourly.starts, hourly.hours, strict=True)
    ]
    return {"points": points}


def sparklines_of(hourly: Hourly) -> dict[str, list[Any]]:
    """One number an hour for each headline card."""
    return {
        "revenue": _values(_REVENUE, hourly.hours),
        "conversions": _values(Total(Measure.CONVERSIONS), hourly.hours),
        "active_users": hourly.active_users,
        "engagement_rate": _values(_OPEN_RATE, hourly.hours),
    }


def _values(formula: Total | Quotient, hours: list[Values]) -> list[Any]:
    return [formula.value(hour) for hour in hours]
