"""The watch over running queries: ends those that take too long or too much memory, or that nobody waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import duckdb

from appliance.errors import ApplianceError, LogUnavailable, QueryFailed, QueryTimeout
from appliance.query.cage import CagedLog
from appliance.query.memory import MemoryUse, memory_use

_LOOK_EVERY_SECONDS: Final = 0.02
_TIDY_AFTER_SECONDS: Final = 0.3
_OBEYS_WITHIN_SECONDS: Final = 3.0
_JOIN_SECONDS: Final = 1.0
_UNTIDY_BYTES: Final = 64 * 1024 * 1024


class Running:
    """A query from the moment it is asked for; ``verdict`` is why it was ended, if it was."""

    def __init__(self) -> None:
        self.verdict: ApplianceError | None = None
        self._verdict_at = 0.0
        self.started_at = 0.0
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def end(self, verdict: ApplianceError) -> None:
        """Interrupt it, where it runs; call again until it has ended, since an interrupt can come between steps."""
        with self._lock:
            if self.verdict is None:
                self.verdict, self._verdict_at = verdict, time.monotonic()
            if self._cursor is not None:
                self._cursor.interrupt()

    def require_obeying(self) -> None:
        """Raise the verdict where the query goes on all the same: a call that the engine can't interrupt takes long."""
        if self.verdict is not None and time.monotonic() - self._verdict_at > _OBEYS_WITHIN_SECONDS:
            raise self.verdict

    def make_room(self) -> None:
        """End it because events need the memory."""
        self.end(QueryFailed("the query was ended because events needed the memory: ask for less, or again later"))

    @contextmanager
    def on(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Within the block it can be interrupted, and not a moment longer: what follows belongs to somebody else."""
        with self._lock:
            if self.verdict is not None:
                raise self.verdict
            self._cursor = cursor
        try:
            yield
        finally:
            with self._lock:
                self._cursor = None


class Watch:
    """One thread, which sleeps while nothing runs."""

    def __init__(self, log: CagedLog, *, timeout_seconds: float, memory_bytes: int) -> None:
        self._log = log
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._running: set[Running] = set()
        self._wake = threading.Condition()
        self._closing = False
        self._is_untidy = False
        self._memory_before = MemoryUse(0, 0)
        self._thread = threading.Thread(target=self._run, name="sql-watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, running: Running, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Watch a query while it runs on ``cursor``, from now on."""
        running.started_at = time.monotonic()
        memory = memory_use(cursor)
        with running.on(cursor):
            with self._wake:
                if not self._running:
                    self._memory_before = memory
                self._running.add(running)
                self._wake.notify()
            try:
                yield
            finally:
                with self._wake:
                    self._running.discard(running)

    def close(self) -> None:
        """End what runs, and look no more."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while True:
            with self._wake:
                is_quiet = not self._wake.wait_for(self._has_work, _TIDY_AFTER_SECONDS if self._is_untidy else None)
                running = list(self._running)
            if self._closing:
                for query in running:
                    query.end(LogUnavailable())
                return
            if is_quiet:
                # the last query has let its memory go by now
                self._is_untidy = False
                self._tidy()
            else:
                self._look(running)
                time.sleep(_LOOK_EVERY_SECONDS)

    def _tidy(self) -> None:
        with suppress(ApplianceError), self._log.reader() as cursor:
            self._log.database.give_back(cursor)

    def _has_work(self) -> bool:
        return bool(self._running or self._closing)

    def _look(self, running: list[Running]) -> None:
        grown = self._grown()
        self._is_untidy |= grown > _UNTIDY_BYTES
        now = time.monotonic()
        for query in running:
            verdict = query.verdict or self._verdict(query, now, grown)
            if verdict is not None:
                query.end(verdict)

    def _verdict(self, query: Running, now: float, grown: int) -> ApplianceError | None:
        if now - query.started_at > self._timeout_seconds:
            return QueryTimeout(
                f"the query took longer than {self._timeout_seconds:g} s (query.timeout_seconds): "
                "ask for a shorter span of time, or for a rollup"
            )
        # whose memory it is nobody tells, so it is all of theirs
        if grown > self._memory_bytes:
            return QueryFailed(
                "the queries that ran took more memory than query.memory_limit allows: group by fewer values, "
                "or ask for a shorter span of time"
            )
        return None

    def _grown(self) -> int:
        """Bytes that queries have taken since none ran; 0 where that can't be found out now."""
        with suppress(ApplianceError, duckdb.Error), self._log.reader() as cursor:
            return memory_use(cursor).grown_since(self._memory_before)
        return 0
