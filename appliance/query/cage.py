"""Cursors that see the views of ``views.sql`` and nothing else, and what comes of a statement on one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import duckdb
import pyarrow as pa

from appliance.log.database import Database
from appliance.log.query_pool import Readable
from appliance.query.judge import Judged
from appliance.sql import queries

_SQL: Final = queries("appliance.query", "views.sql")
_BATCH_ROWS: Final = 500
_BATCH_OF_LARGE_ROWS: Final = 8


@dataclass(slots=True)
class Fetched:
    """Rows of an answer as Arrow, with the names and DuckDB's types of its columns."""

    columns: list[tuple[str, str]]
    batches: list[pa.RecordBatch] = field(default_factory=list)
    is_cut: bool = False
    """There is more than was fetched."""


class CagedLog(Readable, Protocol):
    """A log that lends cursors, and the database that they are of."""

    database: Database


class Cage:
    """Lends the calling thread a cursor of the cage; a thread that has asked once must not read the log otherwise."""

    def __init__(self, log: CagedLog) -> None:
        self._log = log
        self._local = threading.local()
        self._making = threading.Lock()

    @contextmanager
    def cursor(self, end: Callable[[], object]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor within a read-only transaction, which ends with the block. Raises ``LogUnavailable``.

        ``end`` has to end what runs on it: it is called when events need the memory.
        """
        with self._log.database.long_readers.reading(end), self._log.reader() as cursor:
            if getattr(self._local, "entered", None) is not cursor:
                self._enter(cursor)
                self._local.entered = cursor
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            yield cursor

    def _enter(self, cursor: duckdb.DuckDBPyConnection) -> None:
        (log,) = cursor.execute(_SQL["log"]).fetchall()[0]
        with self._making:
            cursor.execute(_SQL["attach"])
            cursor.execute(_SQL["create"].replace("$log", f'"{log}"'))
        cursor.execute(_SQL["enter"])


def fetch(cursor: duckdb.DuckDBPyConnection, statement: Judged, *, max_rows: int, max_bytes: int) -> Fetched:
    """Run a statement, and read as much of its answer as is wanted, a few rows at a time.

    ``max_bytes`` counts Arrow's own. Little of it is Python, so that a thread of low priority seldom holds the
    interpreter.
    """
    cursor.execute(statement.sql)
    fetched = Fetched([(str(column[0]), str(column[1])) for column in cursor.description or ()])
    rows = size_bytes = 0
    batch_rows = _BATCH_OF_LARGE_ROWS if statement.has_large_values else _BATCH_ROWS
    for batch in cursor.to_arrow_reader(min(batch_rows, max_rows + 1)):
        fetched.batches.append(batch)
        rows += batch.num_rows
        size_bytes += batch.nbytes
        if rows > max_rows or size_bytes > max_bytes:
            fetched.is_cut = True
            break
    return fetched
