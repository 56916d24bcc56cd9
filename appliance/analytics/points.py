"""Measures by bucket, and by bucket and group: the one way from events to a series."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from appliance.analytics.buckets import Run, runs
from appliance.analytics.first_seen import REGISTRATION_EVENTS_SQL, REGISTRATIONS_SQL, rolled_up
from appliance.analytics.formulas import Values
from appliance.analytics.measures import Measure, aggregate_sql, condition_sql
from appliance.analytics.reading import fetch, fill
from appliance.errors import BadArgument
from appliance.sql import queries

_SQL = queries("appliance.analytics", "points.sql")

MOST_POINTS: Final = 10_000
"""Of one answer, all groups together."""
MOST_GROUPS: Final = 50
OTHER: Final = "(other)"
"""The name of all groups together that are not among the ``MOST_GROUPS`` largest."""

GROUP_COLUMNS: Final = {
    "campaign_id": "campaign_id",
    "event_type": "event_type",
    "currency": "currency",
    "mailbox_provider": "mailbox_provider",
    "link": "link",
}
_PROPERTY_SQL: Final = "json_extract_string(properties, $pointer)"


@dataclass(frozen=True)
class Span:
    """Buckets, and which events may fall into them: from ``from_us`` to before ``to_us``."""

    edges: list[int]
    from_us: int
    to_us: int

    def __len__(self) -> int:
        return len(self.edges) - 1


@dataclass(frozen=True)
class Group:
    """The events of one group by bucket."""

    name: str | None
    buckets: list[Values]
    is_rest: bool = False
    """All groups together that are not listed."""


@dataclass(frozen=True)
class Grouping:
    """By what to group: one of ``GROUP_COLUMNS``, or a first-level property."""

    column: str | None
    property_name: str | None = None

    @property
    def sql(self) -> str:
        return GROUP_COLUMNS[self.column] if self.column else _PROPERTY_SQL

    @property
    def pointer(self) -> str:
        """The property's place as a JSON pointer (RFC 6901), which takes any name."""
        return "/" + (self.property_name or "").replace("~", "~0").replace("/", "~1")

    @property
    def keeps_currencies_apart(self) -> bool:
        return self.column == "currency"


@dataclass(frozen=True)
class Source:
    """The relation that events are read from; with ``counted``, a row stands for ``events`` of them."""

    sql: str
    counted: bool = False


LOG: Final = Source("events")


def bucketed(
    cursor: duckdb.DuckDBPyConnection,
    measures: tuple[Measure, ...],
    span: Span,
    *,
    currency: str,
    source: Source = LOG,
) -> list[Values]:
    """What ``measures`` come to in each bucket; call it within one snapshot. ``currency`` is that of revenue."""
    query = _Query(cursor, measures, span, currency, source)
    buckets: list[Values] = [Counter() for _ in range(len(span))]
    for run in runs(span.edges):
        for bucket, *values in query.of_run("points", run):
            buckets[run.first + bucket] = query.values(values)
    return buckets


def grouped(
    cursor: duckdb.DuckDBPyConnection,
    measures: tuple[Measure, ...],
    span: Span,
    grouping: Grouping,
    *,
    currency: str,
    source: Source = LOG,
) -> list[Group]:
    """The same for each group with an event that counts: by number of those, then name, the rest last.

    A group that is itself named ``(other)`` joins the rest where there is one, so that no two series
    bear the same name and all together hold every event once.
    """
    query = _Query(cursor, measures, span, currency, source, grouping)
    names, has_rest = query.largest_groups()
    check_points((len(names) + has_rest) * len(span))
    table: list[list[Values]] = [[Counter() for _ in range(len(span))] for _ in range(len(names) + has_rest)]
    if names:
        for run in runs(span.edges):
            for bucket, place, *values in query.of_run("grouped_points", run, names=names):
                table[len(names) if place is None else place][run.first + bucket] = query.values(values)
    groups = [Group(name, buckets) for name, buckets in zip(names, table, strict=False)]
    return [*groups, Group(OTHER, table[-1], is_rest=True)] if has_rest else groups


def check_points(points: int) -> None:
    """Raise ``BadArgument`` where an answer would have more than ``MOST_POINTS``."""
    if points > MOST_POINTS:
        raise BadArgument(
            f"that is more than {MOST_POINTS:,} points; ask for a longer interval, a shorter time or fewer groups",
            field="interval",
        )


class _Query:
    """The SQL of one set of measures over one span, and its parameters."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        measures: tuple[Measure, ...],
        span: Span,
        currency: str,
        source: Source,
        grouping: Grouping | None = None,
    ) -> None:
        rows = {
            "each_currency": grouping is not None and grouping.keeps_currencies_apart,
            "counted": source.counted,
        }
        conditions = dict.fromkeys(condition_sql(measure, **rows) for measure in measures)
        self._cursor = cursor
        self._measures = measures
        self._span = span
        self._blocks = {
            "aggregates": ", ".join(aggregate_sql(measure, **rows) for measure in measures),
            "relevant": " OR ".join(conditions),
            "size": aggregate_sql(Measure.EVENTS, counted=source.counted),
            "events": _relation(measures, grouping, source),
            "group": grouping.sql if grouping else "",
        }
        self._parameters: dict[str, Any] = {
            "currency": currency,
            "pointer": grouping.pointer if grouping else None,
            "from": span.from_us,
            "to": span.to_us,
            "rolled_up": rolled_up(cursor) if Measure.NEW_USERS in measures else None,
        }

    def of_run(self, block: str, run: Run, **parameters: Any) -> list[tuple[Any, ...]]:
        start, end = max(run.start_us, self._span.from_us), min(run.end_us, self._span.to_us)
        if start >= end:
            return []
        return self._fetch(block, run_start=run.start_us, width=run.width_us, start=start, end=end, **parameters)

    def largest_groups(self) -> tuple[list[str | None], bool]:
        """The names of the groups to list, and whether there are others."""
        start, end = self._span.from_us, self._span.to_us
        rows = self._fetch("sizes", start=start, end=end, most=MOST_GROUPS + 1)
        names = [row[0] for row in rows]
        if len(names) <= MOST_GROUPS:
            return names, False
        return [name for name in names if name != OTHER][:MOST_GROUPS], True

    def values(self, row: list[int | None]) -> Values:
        return Counter({measure: value or 0 for measure, value in zip(self._measures, row, strict=True)})

    def _fetch(self, block: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return fetch(self._cursor, fill(_SQL[block], self._blocks), self._parameters | parameters)


def _relation(measures: tuple[Measure, ...], grouping: Grouping | None, source: Source) -> str:
    """Where the events come from: the source, or first registrations for new users (never mixed with others)."""
    if Measure.NEW_USERS not in measures:
        return source.sql
    return f"({REGISTRATION_EVENTS_SQL if grouping else REGISTRATIONS_SQL})"
