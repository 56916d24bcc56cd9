"""The live snapshot: what ``/v1/metrics``, the stream and the dashboard share, as one dictionary.

Taking it is pure reading; how often, and to whom it goes, is the hub's concern. What costs most and
changes least is apart, so that it can be taken less often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from appliance.analytics.activity import activity
from appliance.analytics.campaigns import campaigns_in_window
from appliance.analytics.heatmap import heatmap
from appliance.analytics.metrics import metrics_of
from appliance.analytics.overview import funnel_of, rates_of, read_hourly, revenue_of, sparklines_of
from appliance.analytics.reading import one_snapshot
from appliance.analytics.recent import read_funnel, read_recent
from appliance.analytics.zones import zone_named
from appliance.clock import DAY_US, iso

Position = Callable[[duckdb.DuckDBPyConnection], str]
"""Reads the text of the log's Position as a cursor sees it."""


def take(
    cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, zone: str, base_currency: str, position: Position
) -> dict[str, Any]:
    """Everything at one instant: ``take_now``, ``take_hourly`` and ``take_slow`` together."""
    now = take_now(cursor, as_of_us, base_currency=base_currency, position=position)
    hourly = take_hourly(cursor, as_of_us, zone=zone, base_currency=base_currency)
    return now | hourly | take_slow(cursor, as_of_us, zone=zone, base_currency=base_currency)


def take_now(
    cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, base_currency: str, position: Position
) -> dict[str, Any]:
    """What is live: as_of, position, metrics, activity, funnel, empty.

    All of it is one snapshot of the log; the cursor must not be in a transaction.
    """
    with one_snapshot(cursor):
        recent = read_recent(cursor, as_of_us, base_currency=base_currency)
        minutes = activity(cursor, as_of_us)
        funnel = read_funnel(cursor, as_of_us)
        at = position(cursor)
        empty = cursor.execute("SELECT NOT EXISTS (FROM events)").fetchall()[0][0]
    return {
        "as_of": iso(as_of_us),
        "position": at,
        "metrics": metrics_of(recent, base_currency=base_currency),
        "activity": {"points": minutes["points"]},
        "funnel": funnel_of(funnel),
        "empty": empty,
    }


def take_hourly(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, zone: str, base_currency: str) -> dict[str, Any]:
    """The courses of the last 24 hours, a few seconds old at most: revenue, rates, sparklines, ``hourly_as_of``."""
    with one_snapshot(cursor):
        hourly = read_hourly(cursor, as_of_us, zone=zone_named(zone), base_currency=base_currency)
    return {
        "hourly_as_of": iso(as_of_us),
        "revenue": revenue_of(hourly, base_currency=base_currency),
        "rates": rates_of(hourly),
        "sparklines": sparklines_of(hourly),
    }


def take_slow(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, zone: str, base_currency: str) -> dict[str, Any]:
    """What may be some ticks old: heatmap of 7 days, campaigns of 24 h, and ``slow_as_of``, their own instant."""
    return {
        "slow_as_of": iso(as_of_us),
        "timezone": zone,
        "heatmap": heatmap(cursor, as_of_us, zone=zone),
        "campaigns": campaigns_in_window(cursor, as_of_us=as_of_us, window_us=DAY_US, base_currency=base_currency),
    }
