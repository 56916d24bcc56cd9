"""The SQLite file itself: one ``Database`` per thread, all closed together."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from sqlite_utils import Database

FILE_NAME = "control.sqlite"
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
        self._opened: list[tuple[threading.Thread, Database]] = []
        self._closed = False
        try:
            database = self.database()
            _check_own(database)
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
        for _, database in opened:
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
            self._let_go_of_ended_threads()
            self._opened.append((threading.current_thread(), database))
        return database

    def _let_go_of_ended_threads(self) -> None:
        """Worker threads come and go; what they opened would stay open until the end of the process."""
        for thread, database in self._opened:
            if not thread.is_alive():
                database.close()
        self._opened = [(thread, database) for thread, database in self._opened if thread.is_alive()]


class StoreDamaged(ApplianceError):
    """The control store can't be opened. Nothing was deleted."""

    code = "control_store_damaged"


class StoreForeign(StoreDamaged):
    """The control store is somebody else's, or a later version's. Nothing was changed."""


def _check_own(database: Database) -> None:
    """Raise ``StoreForeign`` before anything is written into a file that isn't ours, or not ours yet."""
    from sqlite_utils import Database as AnyDatabase  # noqa: PLC0415 - see above

    from appliance.store.migrations import CONTROL  # noqa: PLC0415

    tables = database.table_names()
    if not tables:
        return
    if CONTROL.migrations_table not in tables:
        raise StoreForeign(
            f"{FILE_NAME} in the data folder is a database, but not the appliance's. Nothing was changed: name another "
            "folder, or move that file away"
        )
    known = {step.name for step in CONTROL.pending(AnyDatabase(memory=True))}
    if not {step.name for step in CONTROL.applied(database)} <= known:
        raise StoreForeign(
            f"{FILE_NAME} in the data folder was written by a later version of the appliance: install that version. "
            "It holds the keys, sign-ins and the audit log; nothing was changed"
        )


def open_store(folder: Path) -> ControlStore:
    """The control store of a data folder; raises ``StoreDamaged``."""
    try:
        return ControlStore(folder / FILE_NAME)
    except sqlite3.Error as fault:
        if "locked" in str(fault):
            raise StoreDamaged(
                f"{FILE_NAME} in the data folder is held by another program for longer than {_BUSY_SECONDS:.0f} s: end "
                "that program. Nothing was changed"
            ) from fault
        raise StoreDamaged(
            f"{FILE_NAME} in the data folder can't be used: {fault}. It holds the keys, sign-ins, the audit log and "
            "what jobs did, and no events. Nothing was deleted: restore it from a backup, or move it away to start "
            "with new keys"
        ) from fault
