"""What the stored rollups are complete for: up to which event, at which levels, from which minute on.

Readers ask ``load`` whether the rollups may answer; the follower and the jobs change the state, each change
in the same transaction as the buckets it is about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import duckdb

from appliance.clock import DAY_US, HOUR_US, MINUTE_US
from appliance.sql import queries

LEVELS: Final[dict[str, int]] = {"minute": MINUTE_US, "hour": HOUR_US, "day": DAY_US}
"""Levels that can be stored, with their width in microseconds, the finest first."""

_SQL = queries("appliance.rollups", "state.sql")


@dataclass(frozen=True)
class State:
    """One consistent reading of the rollups' state.

    ``cursor`` is the last event counted. ``generation`` rises whenever buckets are changed by anything but
    the follower's own step. Minute buckets are complete from ``minute_from_us`` on, those of the other
    levels from the beginning. Events before ``expired_before_us`` (``None``: none) have been removed.
    """

    cursor: int
    generation: int
    levels: frozenset[str]
    minute_from_us: int
    expired_before_us: int | None = None

    def covers(self, level: str, start_us: int) -> bool:
        """Whether the bucket that begins at ``start_us`` is stored, for all events up to ``cursor``."""
        return level in self.levels and (level != "minute" or start_us >= self.minute_from_us)


def load(connection: duckdb.DuckDBPyConnection) -> State | None:
    """The state as the connection's transaction sees it; ``None`` before the follower's first step."""
    if not connection.execute(_SQL["exists"]).fetchall()[0][0]:
        return None
    found = connection.execute(_SQL["load"]).fetchone()
    if found is None:
        return None
    generation, levels, minute_from_us, expired_before_us, cursor = found
    return State(cursor, generation, frozenset(filter(None, levels.split(","))), minute_from_us, expired_before_us)


def settle(connection: duckdb.DuckDBPyConnection, levels: Collection[str], minute_horizon_us: int) -> None:
    """Make what is stored fit the settings; inside a writer transaction.

    Levels that can't be stored ("realtime") are passed over. A level no longer wanted is dropped; one that
    is wanted anew lacks what came before, so the rollups start again from the log's first event.
    """
    wanted = frozenset(LEVELS).intersection(levels)
    state = load(connection)
    if state is None or wanted - state.levels:
        reset(connection, wanted, minute_horizon_us)
        return
    for level in state.levels - wanted:
        connection.execute(_SQL["empty_level"].format(level=level))
    if state.levels != wanted:
        _store(connection, replace(state, levels=wanted))


def fits(state: State | None, levels: Collection[str]) -> bool:
    """Whether what is stored already fits the settings, so that ``settle`` has nothing to do."""
    return state is not None and state.levels == frozenset(LEVELS).intersection(levels)


def reset(connection: duckdb.DuckDBPyConnection, levels: Collection[str], minute_horizon_us: int) -> None:
    """Empty the rollups and put the cursor before the first event; inside a writer transaction.

    ``first_seen`` stays: what it knows of events that have expired is nowhere else.
    """
    connection.execute(_SQL["create"])
    before = load(connection) or State(0, 0, frozenset(), 0)
    for level in LEVELS:
        connection.execute(_SQL["empty_level"].format(level=level))
    connection.execute(_SQL["clear_cursor"])
    connection.execute(_SQL["insert_cursor"], [0])
    kept = frozenset(LEVELS).intersection(levels)
    _store(connection, replace(before, levels=kept, minute_from_us=_minute(minute_horizon_us)))


def move(connection: duckdb.DuckDBPyConnection, read: State, to_seq: int) -> bool:
    """Move the cursor on from where ``read`` saw it; ``False`` when the state is no longer the one read."""
    if load(connection) != read:
        return False
    connection.execute(_SQL["move_cursor"], {"from_seq": read.cursor, "to_seq": to_seq})
    return True


def trim(connection: duckdb.DuckDBPyConnection, minute_horizon_us: int) -> None:
    """Drop the minute buckets that begin before the horizon's minute; inside a writer transaction.

    A horizon earlier than the last one changes nothing: what is gone doesn't come back.
    """
    state = load(connection)
    horizon_us = _minute(minute_horizon_us)
    if state is None or horizon_us <= state.minute_from_us:
        return
    connection.execute(_SQL["delete_before"].format(level="minute"), [horizon_us])
    _store(connection, replace(state, minute_from_us=horizon_us))


def expire(connection: duckdb.DuckDBPyConnection, before_us: int) -> None:
    """Drop the buckets of events that expire, in the same writer transaction that removes those events.

    ``before_us`` must be a midnight in UTC, else ``ValueError``: a bucket expires whole. ``first_seen`` stays.
    """
    if before_us % DAY_US:
        raise ValueError("buckets expire by whole days: before_us must be a midnight in UTC")
    state = load(connection)
    if state is None:
        return
    for level in LEVELS:
        connection.execute(_SQL["delete_before"].format(level=level), [before_us])
    earlier_us = state.expired_before_us
    cutoff_us = before_us if earlier_us is None else max(before_us, earlier_us)
    _store(connection, replace(state, expired_before_us=cutoff_us))


def _store(connection: duckdb.DuckDBPyConnection, state: State) -> None:
    connection.execute(_SQL["clear"])
    levels = ",".join(level for level in LEVELS if level in state.levels)
    expired_us = state.expired_before_us
    connection.execute(_SQL["insert"], [state.generation + 1, levels, state.minute_from_us, expired_us, expired_us])


def _minute(instant_us: int) -> int:
    return instant_us - instant_us % MINUTE_US
