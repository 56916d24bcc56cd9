"""How many events happened in each of the last minutes."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb

from appliance.analytics.buckets import last_edges
from appliance.analytics.measures import Measure
from appliance.analytics.points import MOST_POINTS, Span, bucketed
from appliance.clock import iso
from appliance.errors import BadArgument

_UTC: Final = ZoneInfo("UTC")


def activity(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, minutes: int = 60) -> dict[str, Any]:
    """The answer of ``GET /v1/activity``: all events by minute, the last one unfinished, empty ones included.

    Events later than ``as_of_us`` do not count yet. Raises ``BadArgument`` (field ``minutes``)
    outside 1 to 10,000. It is one statement, so it may run inside a transaction or without one.
    """
    if not 1 <= minutes <= MOST_POINTS:
        raise BadArgument(f"minutes must be from 1 to {MOST_POINTS:,}", field="minutes")
    edges = last_edges("minute", _UTC, as_of_us, minutes)
    buckets = bucketed(cursor, (Measure.EVENTS,), Span(edges, edges[0], as_of_us + 1), currency="")
    points = [
        {"start": iso(start), "events": bucket[Measure.EVENTS]} for start, bucket in zip(edges, buckets, strict=False)
    ]
    return {"as_of": iso(as_of_us), "points": points}
