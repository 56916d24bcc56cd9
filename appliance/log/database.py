"""The DuckDB file of a log: opened with care, one cursor a thread, reopened after a fatal fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb
import structlog

from appliance.errors import ApplianceError, LogDamaged, LogInUse, LogUnavailable
from appliance.log.long_readers import LongReaders
from appliance.log.wal_frames import read_frames, set_torn_end_aside
from appliance.sql import queries

_logger = structlog.get_logger(__name__)

FILE_NAME: Final = "events.duckdb"
MAINTENANCE_THREADS: Final = 2
_HEADERS_BYTES: Final = 3 * 4_096
_INTERRUPT_EVERY_SECONDS: Final = 0.05


class _Lease:
    """A thread's cursor, and whether a reader is at work with it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self.thread = threading.current_thread()
        self.in_use = threading.Lock()
        self.closing = False
        self.closed = False

    def close(self, until: float | None) -> bool:
        """Interrupt the reader, wait for it to let go, and close; never under a running query.

        ``False`` where it has not let go by ``until``, a monotonic time, and the cursor is still open.
        """
        self.closing = True
        if self.thread is threading.current_thread():
            self._close()
            return True
        while not self.in_use.acquire(timeout=_INTERRUPT_EVERY_SECONDS):
            if until is not None and time.monotonic() > until:
                return False
            self.cursor.interrupt()
        self._close()
        self.in_use.release()
        return True

    def _close(self) -> None:
        self.closed = True
        self.cursor.close()


class Database:
    """One open DuckDB instance; ``folder`` of ``None`` keeps everything in memory."""

    def __init__(self, folder: Path | None, *, memory_limit: str = "512MB", threads: int = 1) -> None:
        self._folder = folder
        self.path = None if folder is None else folder / FILE_NAME
        self.wal_path = None if folder is None else folder / f"{FILE_NAME}.wal"
        self._memory_limit = memory_limit
        self._threads = threads
        self._lock = threading.Lock()
        self._local = threading.local()
        self._leases: list[_Lease] = []
        self.long_readers = LongReaders()
        self.is_closing = False
        """Readers are waited for: who holds a cursor while waiting for something else should let go."""
        self.invalidated = False
        """A fatal fault has made the instance useless until it is reopened."""
        self._root: duckdb.DuckDBPyConnection | None = self._open()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The calling thread's own cursor; raises ``LogUnavailable`` while the file is closed."""
        return self._lease().cursor

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of the calling thread's own, outside of any transaction.

        Raises ``LogUnavailable`` while the file is closed or is closed meanwhile.
        """
        lease = self._lease()
        with lease.in_use:
            if lease.closing:
                raise LogUnavailable
            try:
                yield lease.cursor
            except duckdb.FatalException as fault:
                self.invalidated = True
                raise LogUnavailable from fault
            except Exception as fault:
                # an interrupted query raises what the library does that was fetching: Arrow's errors, too
                if lease.closing and not isinstance(fault, ApplianceError):
                    raise LogUnavailable from fault
                raise
            finally:
                _end(lease.cursor)

    @contextmanager
    def more_threads(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Let the statement within use ``MAINTENANCE_THREADS``: a checkpoint holds writers up half as long then.

        Not while others read: a thread more would take over a part of what they run, and could not be given back
        before that ends.
        """
        with self.long_readers.held_off(unless=self._is_read) as alone:
            if alone:
                cursor.execute(f"SET threads = {max(self._threads, MAINTENANCE_THREADS)}")
            try:
                yield
            finally:
                if alone:
                    with suppress(duckdb.Error):  # an instance that a fault has made useless has no threads either
                        cursor.execute(f"SET threads = {self._threads}")

    def give_back(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Return to the system what queries have freed and DuckDB's allocator keeps.

        It does that when it is told its limit, be it the one that it has already. Takes 0.1 s for 0.5 GB.
        """
        with suppress(duckdb.Error):
            cursor.execute(f"SET memory_limit = {_quoted(self._memory_limit)}")

    def reopen(self) -> None:
        """Close and open the file anew: what a fatal fault of DuckDB asks for. Raises as opening does.

        A file that has vanished is not made anew: an empty log would take its place in silence.
        """
        self.close()
        if self.path is not None and not self.path.exists():
            raise LogUnavailable(f"the event log's file {self.path.name} is gone from the data folder: put it back")
        with self._lock:
            self._root = self._open()
        self.invalidated = False

    def close(self, patience_seconds: float | None = None) -> bool:
        """Interrupt what reads, and close every cursor: one that stays open keeps the instance alive.

        ``False`` where a reader has not let go within ``patience_seconds``; the instance then stays open.
        """
        until = None if patience_seconds is None else time.monotonic() + patience_seconds
        with self._lock:
            root, self._root = self._root, None
            leases, self._leases = self._leases, []
        self.is_closing = True
        closed = [lease.close(until) for lease in leases]
        self.is_closing = False
        if root is not None and all(closed):  # it closes its cursors, at work or not
            root.close()
        return all(closed)

    def _is_read(self) -> bool:
        with self._lock:
            return any(lease.in_use.locked() for lease in self._leases)

    def _lease(self) -> _Lease:
        found: _Lease | None = getattr(self._local, "lease", None)
        if found is not None and not found.closed:
            return found
        with self._lock:
            if self._root is None:
                raise LogUnavailable
            # under the lock, so that nobody closes the cursor meanwhile
            lease = _Lease(self._prepared(self._root.cursor()))
            self._leases = [known for known in self._leases if known.thread.is_alive()]
            self._leases.append(lease)
        self._local.lease = lease
        return lease

    def _prepared(self, cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        try:
            _prepare(cursor)
        except duckdb.FatalException as fault:
            self.invalidated = True
            cursor.close()
            raise LogUnavailable from fault
        return cursor

    def _open(self) -> duckdb.DuckDBPyConnection:
        self._make_folder()
        self._look_at_wal()
        root: duckdb.DuckDBPyConnection | None = None
        try:
            root = duckdb.connect(str(self.path or ":memory:"), config=self._config())
            # closing must not write where ``checkpoint`` has found no room to
            root.execute("PRAGMA disable_checkpoint_on_shutdown")
            if self.path is not None:
                _check_whole(root, self.path)
            _check_own(root)
            root.execute(queries("appliance.log", "schema.sql")["create"])
            self._lock_down(root)
        except (duckdb.Error, LogDamaged) as fault:
            if root is not None:
                root.close()  # the next attempt would get this same instance, as long as it is open
            if isinstance(fault, LogDamaged):
                raise
            raise self._explained(fault) from fault
        return root

    def _make_folder(self) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as fault:
            raise LogUnavailable(
                f"the data folder {self._folder} can't be made: there is a file or a dead link in its place. "
                "Nothing was changed: name another folder"
            ) from fault

    def _look_at_wal(self) -> None:
        """Find out what DuckDB would drop of the write-ahead log without a word.

        Raises ``LogDamaged`` where that is all of it. The torn end that a crash leaves is set aside and told.
        """
        wal = self.wal_path
        if wal is None or not wal.is_file() or not wal.stat().st_size:
            return
        frames = read_frames(wal)
        if frames.is_whole:
            return
        if not frames.has_header:
            raise self._unreplayable(wal, "its beginning is damaged")
        aside = set_torn_end_aside(wal, frames)
        _logger.warning(
            "the write-ahead log ends in an unfinished commit, or is damaged there: the rest is passed over",
            bytes=frames.size - frames.whole_bytes,
            kept_in=aside.name if aside is not None else None,
        )

    @staticmethod
    def _unreplayable(wal: Path, reason: str) -> LogDamaged:
        return LogDamaged(
            f"the write-ahead log {wal.name} ({wal.stat().st_size:,} bytes of committed events) can't be replayed: "
            f"{reason}. Nothing was deleted. Restore a backup, or move that file out of the data folder to "
            "start without the events in it; keep it as evidence"
        )

    def _config(self) -> dict[str, Any]:
        return {
            "storage_compatibility_version": "v1.5.0",
            "memory_limit": self._memory_limit,
            "threads": self._threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # the writer chooses the moment: see writer.py
            "checkpoint_threshold": "1TB",
        }

    def _lock_down(self, root: duckdb.DuckDBPyConnection) -> None:
        """Nothing that runs on this instance from here on reaches another file, or changes how the instance works."""
        settings = queries("appliance.log", "lock_down.sql")
        if self._folder is not None:
            # before the lock: the folder named here and the log's own files stay allowed
            root.execute(settings["spill"].replace("$folder", _quoted(self._folder / "spill")))
        root.execute(settings["lock"])

    def _explained(self, fault: duckdb.Error) -> LogInUse | LogDamaged | LogUnavailable:
        text = str(fault)
        if "lock on file" in text:
            return LogInUse()
        if "No space left" in text:
            return LogUnavailable("there is no room to open the event log: make room in the data folder's file system")
        first_line = text.partition("\n")[0]
        if "Permission denied" in text or "Read-only file system" in text:
            return LogUnavailable(f"the event log can't be opened for writing: {first_line}. Nothing was deleted")
        wal = self.wal_path
        if wal is not None and wal.exists() and ("WAL" in text or "wal" in text):
            return self._unreplayable(wal, first_line)
        return LogDamaged(f"the event log can't be opened: {first_line}. Nothing was deleted. Restore a backup")


def _check_whole(root: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise ``LogDamaged`` for a file that has lost its end: only who came to read that would find out.

    Blocks that are free may never have been written, so as many may be missing.
    """
    sizes = "SELECT total_blocks, free_blocks, block_size FROM pragma_database_size()"
    blocks, free, block_bytes = root.execute(sizes).fetchall()[0]
    missing = _HEADERS_BYTES + blocks * block_bytes - path.stat().st_size
    if missing > free * block_bytes:
        raise LogDamaged(
            f"the event log can't be opened: {path.name} lacks {missing:,} bytes at its end. Nothing was deleted. "
            "Restore a backup"
        )


def _check_own(root: duckdb.DuckDBPyConnection) -> None:
    """Raise ``LogDamaged`` for somebody's database that happens to have the log's name, before anything is written."""
    tables = {name for (name,) in root.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if tables and "log_identity" not in tables:
        raise LogDamaged(
            f"{FILE_NAME} in the data folder is a database, but no event log. Nothing was changed: name another folder"
        )


def _prepare(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.execute("SET TimeZone = 'UTC'")


def _end(cursor: duckdb.DuckDBPyConnection) -> None:
    """End the transaction that a reader may have left open."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:  # there is none, or the instance was closed and it ended with it
        return


def _quoted(value: Path | str) -> str:
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"
