"""What rollups know of a series, and the log for the rest of it, put together as one relation.

Rollups hold sums over type, campaign and currency; whatever else a series asks for comes from the log alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final

import duckdb

from appliance.analytics.measures import Measure
from appliance.analytics.points import LOG, Grouping, Source, Span
from appliance.analytics.reading import body, fetch, fill
from appliance.clock import MINUTE_US
from appliance.rollups.state import LEVELS, State, load
from appliance.sql import queries

_SQL = queries("appliance.analytics", "rolled_up.sql")

NOT_ADDITIVE: Final = frozenset(
    {Measure.ACTIVE_EVENTS, Measure.ACTIVE_USERS, Measure.SESSIONS, Measure.NEW_USERS},
)
"""Measures that rollups can't tell: distinct things, and what depends on labels. All others are sums."""
GROUPINGS: Final = frozenset({"event_type", "campaign_id", "currency"})
"""The columns that rollups keep apart."""

MOST_NEWER: Final = 1_000_000
"""How many events newer than the rollups are looked at; where there are more, the log answers everything."""
MOST_PIECES: Final = 40
"""Into how many stretches of one level a series may fall; beyond that the log answers everything."""

_COARSEST_FIRST: Final = tuple(reversed(LEVELS.items()))


def source_of(
    cursor: duckdb.DuckDBPyConnection, measures: Collection[Measure], span: Span, grouping: Grouping | None
) -> Source:
    """Where to read ``measures`` from: ``LOG``, or rollups as far as they reach; call it within one snapshot."""
    if not _can_tell(measures, span, grouping):
        return LOG
    state = load(cursor)
    touched = None if state is None else _touched(cursor, span, state.cursor)
    if state is None or touched is None:
        return LOG
    pieces = list(_pieces(span, levels_of(span, state, touched)))
    if len(pieces) > MOST_PIECES or all(level is None for level, _, _ in pieces):
        return LOG
    return Source(f"({' UNION ALL '.join(_piece_sql(*piece) for piece in pieces)})", counted=True)


def levels_of(span: Span, state: State, touched: Collection[int]) -> list[str | None]:
    """For each bucket the level of rollups that answers it, ``None`` for the log.

    Rollups answer a bucket that counts whole and that no event newer than they are touches (``touched``
    has the numbers of those): the coarsest level that is complete for it and on whose grain it begins
    and ends. So a day that is none in UTC comes from hours, or from minutes where a zone's clocks are
    off UTC by half an hour.
    """

    def level_of(number: int, start: int, end: int) -> str | None:
        if number in touched or start < span.from_us or end > span.to_us:
            return None
        for level, width in _COARSEST_FIRST:
            if start % width == 0 and end % width == 0 and state.covers(level, start):
                return level
        return None

    return [level_of(number, start, end) for number, (start, end) in enumerate(pairwise(span.edges))]


def _can_tell(measures: Collection[Measure], span: Span, grouping: Grouping | None) -> bool:
    """Whether it is worth asking what the rollups hold."""
    if not NOT_ADDITIVE.isdisjoint(measures) or (grouping is not None and grouping.column not in GROUPINGS):
        return False
    # Of minutes there are mostly few, which the log has told before the rollups have been asked about their state.
    return span.edges[1] - span.edges[0] > MINUTE_US


def _touched(cursor: duckdb.DuckDBPyConnection, span: Span, after: int) -> set[int] | None:
    """The buckets with events newer than the rollups; ``None`` where those are too many to look at."""
    parameters = {"after": after, "from": span.from_us, "to": span.to_us, "minute_us": MINUTE_US, "most": MOST_NEWER}
    rows = fetch(cursor, _SQL["touched"], parameters)
    if sum(events for _, events in rows) >= MOST_NEWER:
        return None
    # A minute may reach into two buckets, but then neither is on the grain of any level.
    return {bisect_right(span.edges, minute * MINUTE_US) - 1 for minute, _ in rows}


def _pieces(span: Span, levels: Sequence[str | None]) -> Iterator[tuple[str | None, int, int]]:
    """Neighbouring buckets of one level, as ``level, from_us, to_us``."""
    last = 0
    for level, same in groupby(levels):
        first, last = last, last + len(list(same))
        yield level, max(span.edges[first], span.from_us), min(span.edges[last], span.to_us)


def _piece_sql(level: str | None, from_us: int, to_us: int) -> str:
    block = "of_log" if level is None else "of_rollups"
    return fill(body(_SQL[block]), {"level": level or "", "from": str(from_us), "to": str(to_us)})
