"""One step of the follower: what a batch changes, found outside of the writer, and its short way in.

``read_batch`` does everything that costs time, on a reader's snapshot: reading, summing, and telling new
buckets from stored ones. ``apply_batch`` writes it in one transaction together with the cursor, provided
that nothing has changed since the snapshot; so a crash or a rival neither loses nor counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from appliance.errors import LogError
from appliance.rollups.delta import bucket_deltas, first_times
from appliance.rollups.session import registered, snapshot
from appliance.rollups.state import State, load, move
from appliance.sql import queries

_SQL = queries("appliance.rollups", "merge.sql")


class RollupsDamaged(LogError):
    """The stored rollups hold a key twice or have lost one. Run `appliance rebuild`; the log isn't affected."""

    code = "rollups_damaged"


@dataclass(frozen=True)
class Split:
    """Rows whose key is stored already and must be updated, and rows to insert."""

    stored: pa.Table
    fresh: pa.Table


@dataclass(frozen=True)
class Batch:
    """What the events up to ``last_seq`` change in the rollups that were in state ``read``.

    ``at_end``: the log had no further events then.
    """

    read: State
    last_seq: int
    at_end: bool
    events: int
    buckets: dict[str, Split]
    firsts: Split


def read_batch(cursor: duckdb.DuckDBPyConnection, batch_events: int) -> Batch | None:
    """The next events after the cursor, at most ``batch_events`` of them; ``None`` when there are none."""
    with snapshot(cursor):
        state = load(cursor)
        if state is None:
            return None
        rows = _read_rows(cursor, state.cursor, batch_events)
        if rows.is_empty():
            return None
        buckets = {level: _split_buckets(cursor, level, delta) for level, delta in bucket_deltas(rows, state).items()}
        firsts = _split_firsts(cursor, first_times(rows))
        last_seq = rows["seq"].max()
        assert isinstance(last_seq, int)  # noqa: S101
        # A short batch isn't the last one where the sequence has a gap.
        at_end = rows.height < batch_events and _next_seq(cursor, last_seq) is None
        return Batch(state, last_seq, at_end, rows.height, buckets, firsts)


def apply_batch(connection: duckdb.DuckDBPyConnection, batch: Batch) -> bool:
    """Write the batch, inside a writer transaction; ``False``, and nothing written, when its reading is void."""
    if not move(connection, batch.read, batch.last_seq):
        return False
    for level, split in batch.buckets.items():
        _add(connection, level, split.stored)
        _execute(connection, _SQL["insert_buckets"].format(level=level), split.fresh)
    _execute(connection, _SQL["lower_firsts"], batch.firsts.stored)
    _execute(connection, _SQL["insert_firsts"], batch.firsts.fresh)
    return True


def count_behind(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many events of the log the rollups haven't counted yet."""
    return waiting(cursor)[0]


def waiting(cursor: duckdb.DuckDBPyConnection) -> tuple[int, int | None]:
    """How many events the rollups haven't counted yet, and the earliest ``received_at`` among them (``None``: none)."""
    with snapshot(cursor):
        state = load(cursor)
        events, since_us = cursor.execute(_SQL["behind"], [state.cursor if state else 0]).fetchall()[0]
        return events, since_us


def _read_rows(cursor: duckdb.DuckDBPyConnection, after: int, batch_events: int) -> pl.DataFrame:
    rows = _fetch(cursor, _SQL["read"], {"after": after, "upto": after + batch_events})
    if not rows.is_empty():
        return rows
    following = _next_seq(cursor, after)
    if following is None:
        return rows
    return _fetch(cursor, _SQL["read"], {"after": following - 1, "upto": following - 1 + batch_events})


def _next_seq(cursor: duckdb.DuckDBPyConnection, after: int) -> int | None:
    found: int | None = cursor.execute(_SQL["next"], [after]).fetchall()[0][0]
    return found


def _split_buckets(cursor: duckdb.DuckDBPyConnection, level: str, delta: pl.DataFrame) -> Split:
    span: dict[str, object] = {"first": delta["start"].min(), "last": delta["start"].max()}
    found = _match(cursor, _SQL["stored_buckets"].format(level=level), delta, span)
    return _split(delta, found["row"], found["row"])


def _split_firsts(cursor: duckdb.DuckDBPyConnection, delta: pl.DataFrame) -> Split:
    found = _match(cursor, _SQL["stored_firsts"], delta, {})
    return _split(delta, found["row"], found.filter("earlier")["row"])


def _split(delta: pl.DataFrame, known: pl.Series, changed: pl.Series) -> Split:
    if known.n_unique() != known.len():
        raise RollupsDamaged
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    fresh = delta.filter(~row.is_in(known.implode()))
    return Split(delta[changed].to_arrow(), fresh.to_arrow())


def _match(cursor: duckdb.DuckDBPyConnection, sql: str, delta: pl.DataFrame, values: dict[str, object]) -> pl.DataFrame:
    with registered(cursor, "delta", delta.with_row_index("row").to_arrow()):
        return _fetch(cursor, sql, values)


def _add(connection: duckdb.DuckDBPyConnection, level: str, stored: pa.Table) -> None:
    if not stored.num_rows:
        return
    span = pc.min_max(stored["start"]).as_py()
    sql = _SQL["add_to_buckets"].format(level=level)
    _execute(connection, sql, stored, {"first": span["min"], "last": span["max"]})


def _execute(
    connection: duckdb.DuckDBPyConnection, sql: str, delta: pa.Table, values: dict[str, object] | None = None
) -> None:
    """Run an INSERT or UPDATE that touches exactly the rows of ``delta``; anything else is damage."""
    if not delta.num_rows:
        return
    with registered(connection, "delta", delta):
        changed = connection.execute(sql, values).fetchall()[0][0]
    if changed != delta.num_rows:
        raise RollupsDamaged


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, object]) -> pl.DataFrame:
    frame = pl.from_arrow(cursor.execute(sql, values).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)  # noqa: S101
    return frame
