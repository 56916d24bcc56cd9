"""A metric's course in time: each bucket's own events, under the metric's base name."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb

from appliance.analytics.buckets import WIDTH_US, Interval, edges_around, edges_before, interval_named
from appliance.analytics.catalogue import ALERT_RATIOS, METRICS
from appliance.analytics.formulas import Formula, Growth, PointChange
from appliance.analytics.points import GROUP_COLUMNS, Group, Grouping, Span, bucketed, check_points, grouped
from appliance.analytics.reading import one_snapshot
from appliance.analytics.rolled_up import source_of
from appliance.analytics.zones import local_iso, zone_named
from appliance.clock import from_datetime
from appliance.errors import BadArgument, NotFound

DEFAULT_BUCKETS: Final[dict[Interval, int]] = {"minute": 60, "hour": 24, "day": 30}

_PROPERTY_PREFIX: Final = "properties."
# A year's room for margins at either end of what a datetime can hold.
_EARLIEST_US: Final = from_datetime(datetime(2, 1, 1))  # noqa: DTZ001 - taken as UTC
_LATEST_US: Final = from_datetime(datetime(9999, 1, 1))  # noqa: DTZ001


def _by_base_name() -> dict[str, Formula]:
    """What has a series, by base name; several windows of one metric share theirs."""
    formulas: dict[str, Formula] = {
        metric.base_name: metric.formula
        for metric in METRICS.values()
        if not isinstance(metric.formula, Growth | PointChange)
    }
    return formulas | {name: formula for name, formula in ALERT_RATIOS.items() if name not in formulas}


SERIES: Final = _by_base_name()
_ALIASES: Final = {name: metric.base_name for name, metric in METRICS.items()}
_GROWTHS: Final = frozenset(_ALIASES.values()) - SERIES.keys()


def series(
    cursor: duckdb.DuckDBPyConnection,
    metric: str,
    *,
    as_of_us: int,
    base_currency: str,
    from_us: int | None = None,
    to_us: int | None = None,
    interval: str = "hour",
    zone: str = "UTC",
    group_by: str | None = None,
) -> dict[str, Any]:
    """The answer of ``GET /v1/metrics/{metric}/series``.

    ``from_us`` is rounded down and ``to_us`` up to whole buckets; without them the last 60 minutes,
    24 hours or 30 days, the unfinished bucket included. Events later than ``as_of_us`` do not count
    yet. Raises ``NotFound`` for a name without a series, ``BadArgument`` for anything else amiss.
    The cursor must not be in a transaction.
    """
    name, formula = _series_named(metric)
    width, place, grouping = interval_named(interval), zone_named(zone), _grouping_named(group_by)
    edges = _edges(width, place, from_us, to_us, as_of_us)
    check_points(len(edges) - 1)
    span = Span(edges, edges[0], min(edges[-1], as_of_us + 1))
    with one_snapshot(cursor):
        source = source_of(cursor, formula.measures, span, grouping)
        if grouping is None:
            groups = [Group(None, bucketed(cursor, formula.measures, span, currency=base_currency, source=source))]
        else:
            groups = grouped(cursor, formula.measures, span, grouping, currency=base_currency, source=source)
    frame = [{"start": local_iso(start, place), "complete": end <= as_of_us} for start, end in pairwise(edges)]
    answer = {"metric": name, "interval": interval, "timezone": zone, "unit": formula.unit}
    if formula.unit == "money" and not (grouping and grouping.keeps_currencies_apart):
        answer["currency"] = base_currency
    return answer | {"series": [_one_series(formula, group, group_by, grouping, frame) for group in groups]}


def _series_named(metric: str) -> tuple[str, Formula]:
    name = _ALIASES.get(metric, metric)  # type: ignore[call-overload]
    if name in _GROWTHS:
        raise NotFound(f"{metric} is a growth and has no series; ask for the series of what grows", field="metric")
    if name not in SERIES:
        raise NotFound(f"there is no metric {metric[:80]!r}; there are {', '.join(sorted(SERIES))}", field="metric")
    return name, SERIES[name]


def _grouping_named(group_by: str | None) -> Grouping | None:
    if group_by is None:
        return None
    if group_by in GROUP_COLUMNS:
        return Grouping(group_by)
    prefix, found, name = group_by.partition(_PROPERTY_PREFIX)
    if prefix or not found or not name:
        allowed = ", ".join(GROUP_COLUMNS)
        raise BadArgument(f"group_by {group_by[:80]!r} is none of {allowed} or properties.NAME", field="group_by")
    return Grouping(None, name)


def _edges(interval: Interval, zone: ZoneInfo, from_us: int | None, to_us: int | None, as_of_us: int) -> list[int]:
    for field, instant in (("from", from_us), ("to", to_us)):
        if instant is not None and not _EARLIEST_US <= instant < _LATEST_US:
            raise BadArgument(f"{field} is out of range", field=field)
    end_us = as_of_us + 1 if to_us is None else to_us
    end_edge = edges_around(interval, zone, end_us - 1, end_us)[-1]
    if from_us is None:
        return edges_before(interval, zone, end_edge, DEFAULT_BUCKETS[interval])
    if from_us >= end_us:
        raise BadArgument(
            "from must be earlier than to" if to_us is not None else "from is in the future", field="from"
        )
    # Before a list is made of them: buckets are at most one width long.
    check_points((end_us - from_us) // WIDTH_US[interval])
    return edges_around(interval, zone, from_us, end_edge)


def _one_series(
    formula: Formula, group: Group, group_by: str | None, grouping: Grouping | None, frame: list[dict[str, Any]]
) -> dict[str, Any]:
    # Money of several currencies is never added up, hence no value for the rest of them.
    no_value = group.is_rest and formula.unit == "money" and grouping is not None and grouping.keeps_currencies_apart
    points = [
        {"start": point["start"], "value": None if no_value else formula.value(values), "complete": point["complete"]}
        for point, values in zip(frame, group.buckets, strict=True)
    ]
    return {"group": {} if group_by is None else {group_by: group.name}, "points": points}
