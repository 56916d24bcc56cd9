"""One group commit: what goes into the transaction, and how to tell afterwards whether it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from appliance.sql import queries

_SQL: Final = queries("appliance.log", "queries.sql")
_NAMES: Final = ("incoming_events", "incoming_dead_letters", "incoming_settled", "incoming_offsets")
_NOTHING: Final = pa.table({"nothing": pa.nulls(0)})


class OffsetsDiffer(Exception):
    """The file's offsets of Kafka are not those that the log has in memory."""


class _Window:
    """What DuckDB sees under a registered name: the table that is shown at the moment of the query."""

    def __init__(self) -> None:
        self.shown = _NOTHING

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.shown.__arrow_c_stream__(requested_schema)


class Incoming:
    """The names of the tables that come in, ``incoming_…``, registered once on the writer's cursor.

    To register a table for each commit would cost a transaction in DuckDB's catalogue every time.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._cursor: duckdb.DuckDBPyConnection | None = None

    def insert(self, cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table, statement: str) -> None:
        """Run a statement of ``queries.sql`` that reads ``name``."""
        self.show(cursor, name, table)
        try:
            cursor.execute(_SQL[statement])
        finally:
            self._windows[name].shown = _NOTHING

    def show(self, cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
        self.attend(cursor)
        self._windows[name].shown = table

    def attend(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Register the names on a cursor that is outside of any transaction, once."""
        if cursor is self._cursor:
            return
        self._windows = {name: _Window() for name in _NAMES}
        for name, window in self._windows.items():
            cursor.register(name, window)
        self._cursor = cursor


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one transaction, ``first`` to ``last`` by seq, and what was refused beside them."""

    events: pa.Table | None
    dead_letters: pa.Table | None
    new_types: dict[str, int]
    first: int
    last: int
    settled: pa.Table | None = None
    """The dead letters that go, as rows of ``replayed_dead_letters``."""
    offsets: pa.Table | None = None
    """Moves of Kafka's offsets: see ``kafka_offsets.move_table``."""

    def write(self, cursor: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
        """Store everything in one transaction. When it raises, one may be open, and what it did is uncertain."""
        others = any(table is not None for table in (self.dead_letters, self.settled, self.offsets))
        if self.events is not None and not others and not self.new_types:
            # one statement of its own is a transaction too, and costs a fifth less
            incoming.insert(cursor, "incoming_events", self.events, "append_events")
            return
        if self.events is None and not others:
            return
        # a name registered inside of the transaction would go with its rollback
        incoming.attend(cursor)
        cursor.execute("BEGIN")
        for name, key in self.new_types.items():
            cursor.execute(_SQL["add_type"], [key, name])
        if self.events is not None:
            incoming.insert(cursor, "incoming_events", self.events, "append_events")
        if self.settled is not None:
            incoming.insert(cursor, "incoming_settled", self.settled, "settle_dead_letters")
            incoming.insert(cursor, "incoming_settled", self.settled, "remember_settled")
            cursor.execute(_SQL["count_settled"], [len(self.settled)])
        if self.dead_letters is not None:
            incoming.insert(cursor, "incoming_dead_letters", self.dead_letters, "append_dead_letters")
        if self.offsets is not None:
            self._move_offsets(cursor, incoming, self.offsets)
        cursor.execute("COMMIT")

    def is_stored(self, cursor: duckdb.DuckDBPyConnection, incoming: Incoming) -> bool:
        """Whether the whole group lies in the file."""
        if self.events is not None:
            (count,) = cursor.execute(_SQL["stored_between"], [self.first, self.last]).fetchall()[0]
            return bool(count == self.last - self.first + 1)
        for name, table, statement in (
            ("incoming_dead_letters", self.dead_letters, "dead_letters_stored"),
            ("incoming_settled", self.settled, "settled_stored"),
            ("incoming_offsets", self.offsets, "offsets_stored"),
        ):
            if table is not None:
                incoming.show(cursor, name, table)
                (count,) = cursor.execute(_SQL[statement]).fetchall()[0]
                return bool(count == len(table))
        return True

    def _move_offsets(self, cursor: duckdb.DuckDBPyConnection, incoming: Incoming, moves: pa.Table) -> None:
        incoming.insert(cursor, "incoming_offsets", moves, "move_offsets")
        moved = cursor.fetchall()[0][0]
        if moved < len(moves):
            incoming.insert(cursor, "incoming_offsets", moves, "add_offsets")
            moved += cursor.fetchall()[0][0]
        if moved != len(moves):
            raise OffsetsDiffer
