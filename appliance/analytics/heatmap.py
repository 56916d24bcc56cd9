"""When people are active: events by weekday and hour, as clocks in a zone show them."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from appliance.analytics.buckets import edges_around
from appliance.analytics.measures import Measure
from appliance.analytics.points import Span, bucketed
from appliance.analytics.reading import one_snapshot
from appliance.analytics.zones import zone_named
from appliance.clock import DAY_US, to_datetime
from appliance.errors import BadArgument

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_DAYS: Final = 92


def heatmap(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, days: int = 7, zone: str = "UTC") -> dict[str, Any]:
    """The answer of ``GET /v1/heatmap``: active events of the last ``days`` times 24 h, ``values[day][hour]``.

    Raises ``BadArgument`` for ``days`` outside 1 to 92 or an unknown ``timezone``. The cursor must not
    be in a transaction.
    """
    if not 1 <= days <= MOST_DAYS:
        raise BadArgument(f"days must be from 1 to {MOST_DAYS}", field="days")
    place = zone_named(zone)
    from_us, to_us = as_of_us - days * DAY_US + 1, as_of_us + 1
    edges = edges_around("hour", place, from_us, to_us)
    with one_snapshot(cursor):
        hours = bucketed(cursor, (Measure.ACTIVE_EVENTS,), Span(edges, from_us, to_us), currency="")
    values = [[0] * 24 for _ in DAYS]
    for start, hour in zip(edges, hours, strict=False):
        clock = to_datetime(start).astimezone(place)
        values[clock.weekday()][clock.hour] += hour[Measure.ACTIVE_EVENTS]
    return {"days": list(DAYS), "hours": list(range(24)), "values": values}
