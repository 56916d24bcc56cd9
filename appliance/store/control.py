"""The SQLite file itself: one ``Database`` per thread, all closed together."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sqlite_utils import Database

_BUSY_SECONDS = 10.0


class ControlStore:
    """The control store in a file, which is made, or brought to the present version, when opened.

    Each thread works with a ``Database`` of its own: ``database`` gives it for reading, ``writing`` for
    writing. Raises ``sqlite3.Error`` where the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        # Imported late: it brings pandas along, 0.3 s that only a process with a control store should pay.
        from appliance.store.migrations import CONTROL  # noqa: PLC0415

        self._path = path
        self._lock = threading.Lock()
        self._of_thread = threading.local()
        self._opened: list[Database] = []
        self._closed = False
        try:
            database = self.database()
            database.enable_wal()
            CONTROL.apply(database)
        except BaseException:
            self.close()
            raise

    def database(self) -> Database:
        """The calling thread's own database; not to be handed to another thread or closed by the caller."""
        found: Database | None = getattr(self._of_thread, "database", None)
        if found is None:
            found = self._of_thread.database = self._open()
        return found

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """A transaction: committed at the end, rolled back by an exception. Waits up to ten seconds for others.

        It is a writer from the beginning, for one that begins by reading, as ``atomic`` alone does, can't
        wait: SQLite refuses its first write at once when another thread has written meanwhile.
        """
        database = self.database()
        database.conn.execute("BEGIN IMMEDIATE")
        try:
            with database.atomic():
                yield database
        except BaseException:
            database.rollback()
            raise
        database.commit()

    def close(self) -> None:
        """Close every thread's database. Call it when no thread is at work with one any more."""
        with self._lock:
            self._closed = True
            opened, self._opened = self._opened, []
        for database in opened:
            database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> Database:
        from sqlite_utils import Database  # noqa: PLC0415 - see above

        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError("the control store is closed")
            # One thread uses it, but the thread that closes the store closes it.
            connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
            database = Database(connection, execute_plugins=False)
            self._opened.append(database)
        return database
