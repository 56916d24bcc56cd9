"""Rebuilding what is derived from the log, while ingest and the follower go on.

First times are mended first, slice by slice: each is compared with the log and corrected, but one from
before the last expiry can only be lowered, for its event may be gone. Then one transaction empties the
rollups and puts the cursor before the first event, and following does the rest. Interrupted before that
transaction, the rollups are as they were; after it, the follower goes on by itself from where it stopped.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import duckdb
import pyarrow as pa

from appliance.rollups.follower import BATCH_EVENTS, Readable, Runner, step
from appliance.rollups.merge import count_behind
from appliance.rollups.report import Progress, silent
from appliance.rollups.session import registered, snapshot
from appliance.rollups.slices import SLICE_ENTRIES, key_spans
from appliance.rollups.state import State, load, reset
from appliance.rollups.verify import firsts_values
from appliance.sql import queries

_SQL = queries("appliance.rollups", "verify.sql")
_NO_LIMIT = (1 << 63) - 1


@dataclass(frozen=True)
class Rebuilt:
    """Events counted anew, and first times that had to be corrected."""

    events: int
    first_times_corrected: int


def rebuild(
    log: Readable,
    writer: Runner,
    *,
    levels: Collection[str],
    minute_horizon_us: int,
    batch_events: int = BATCH_EVENTS,
    slice_entries: int = SLICE_ENTRIES,
    progress: Progress = silent,
) -> Rebuilt:
    """Make the rollups from nothing and correct the first times, in memory bounded by a batch or a slice.

    The follower may run at the same time: whoever is second reads again. Blocks; never in the writer's thread.
    """
    corrected = _mend_firsts(log, writer, slice_entries, progress)
    writer.run(partial(reset, levels=levels, minute_horizon_us=minute_horizon_us)).result()
    return Rebuilt(_follow(log, writer, batch_events, progress), corrected)


def _follow(log: Readable, writer: Runner, batch_events: int, progress: Progress) -> int:
    with log.reader() as cursor:
        total = count_behind(cursor)
    events, at_end = 0, False
    while not at_end:
        counted, at_end = step(log, writer, batch_events)
        events += counted
        total = max(total, events)
        progress("rollups", events, total)
    return events


def _mend_firsts(log: Readable, writer: Runner, slice_entries: int, progress: Progress) -> int:
    with log.reader() as cursor, snapshot(cursor):
        state = load(cursor)
        if state is None:
            return 0
        events, _, firsts = cursor.execute(_SQL["extent"], {"cursor": state.cursor}).fetchall()[0]
    spans = list(key_spans(events + firsts, slice_entries))
    corrected = 0
    for done, (low, high) in enumerate(spans, start=1):
        corrected += _mend_span(log, writer, low, high)
        progress("first times", done, len(spans))
    return corrected


def _mend_span(log: Readable, writer: Runner, low: int, high: int) -> int:
    """Correct the first times of the users in a span of keys; reads again when the state moved meanwhile."""
    while True:
        with log.reader() as cursor, snapshot(cursor):
            state = load(cursor)
            assert state is not None  # noqa: S101
            values = {**firsts_values(state, low, high), "most": _NO_LIMIT}
            repairs = cursor.execute(_SQL["firsts"], values).to_arrow_table()
        if not repairs.num_rows:
            return 0
        if writer.run(partial(_apply, read=state, repairs=repairs)).result():
            return int(repairs.num_rows)


def _apply(connection: duckdb.DuckDBPyConnection, read: State, repairs: pa.Table) -> bool:
    if load(connection) != read:
        return False
    with registered(connection, "repairs", repairs):
        connection.execute(_SQL["remove_firsts"])
        connection.execute(_SQL["insert_firsts"])
    return True
