"""Where strangers' statements run: judged, in a cage, on threads of their own that yield to everybody else."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import duckdb

from appliance.config import Settings
from appliance.errors import ApplianceError, LogUnavailable, Overloaded, QueryFailed
from appliance.query.answer import Answer, answer_of
from appliance.query.cage import Cage, CagedLog, Fetched, fetch
from appliance.query.counts import SqlCounts
from appliance.query.judge import Judge, Judged, told
from appliance.query.watch import Running, Watch

T = TypeVar("T")

_WAITING_EACH: Final = 4
_LOOK_EVERY_SECONDS: Final = 1.0
_LOWEST_PRIORITY: Final = 19
_POWERS: Final = {"K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True, slots=True)
class SqlOptions:
    """The bounds of a query; the defaults are those of the settings of the same names."""

    timeout_seconds: float = 10.0
    max_rows: int = 10_000
    max_bytes: int = 10 * 1024 * 1024
    memory_bytes: int = 192_000_000
    concurrency: int = 2

    @classmethod
    def of(cls, settings: Settings) -> SqlOptions:
        query = settings.query
        return cls(
            query.timeout_seconds, query.max_rows, query.max_bytes, size_bytes(query.memory_limit), query.concurrency
        )


class SqlPool:
    """Runs at most ``concurrency`` statements at once and lets few more wait."""

    def __init__(self, log: CagedLog, options: SqlOptions | None = None) -> None:
        self._options = options = options or SqlOptions()
        self._log = log
        self._is_closed = False
        self.counts = SqlCounts()
        self._judge = Judge()
        self._cage = Cage(log)
        self._watch = Watch(log, timeout_seconds=options.timeout_seconds, memory_bytes=options.memory_bytes)
        # reading the text and writing the answer is Python: done at low priority it would hold up who else needs that
        self._text = ThreadPoolExecutor(1, "sql-text")
        self._threads = ThreadPoolExecutor(options.concurrency, "sql", initializer=yield_to_others)
        self._places = threading.BoundedSemaphore(options.concurrency * (1 + _WAITING_EACH))

    async def run(self, sql: str) -> Answer:
        """The answer to one statement. When the caller is cancelled, the query ends too.

        Raises ``QueryNotAllowed``, ``QueryFailed``, ``QueryTimeout``, ``Overloaded`` when too many wait, and
        ``LogUnavailable``.
        """
        with self.counts.one():
            return await self._run(sql)

    async def _run(self, sql: str) -> Answer:
        self._log.require_answering()
        if not self._places.acquire(blocking=False):
            raise Overloaded("too many SQL queries are waiting: ask again after a moment")
        running = Running()
        whole = asyncio.ensure_future(self._through(running, sql))
        try:
            while not whole.done():
                await asyncio.wait([whole], timeout=_LOOK_EVERY_SECONDS)
                # a disk that has stopped answering holds the thread, and no interrupt reaches it
                self._log.require_answering()
                running.require_obeying()
            return whole.result()
        except (asyncio.CancelledError, ApplianceError):
            running.end(QueryFailed("nobody waits for the answer any more"))
            whole.add_done_callback(_let_pass)
            raise

    def close(self) -> None:
        """End what runs, and take nothing more."""
        self._is_closed = True
        for threads in (self._threads, self._text):
            threads.shutdown(wait=False, cancel_futures=True)
        self._watch.close()

    async def _through(self, running: Running, sql: str) -> Answer:
        """Judge, run and answer; the place is free again when the thread is, whoever still waits for the answer."""
        try:
            statement = await self._in(self._text, lambda: self._judge.judge(sql))
            fetched = await self._in(self._threads, lambda: self._fetch(running, statement))
            elapsed_ms = round(1_000 * (time.monotonic() - running.started_at))
            return await self._in(self._text, lambda: self._answer(fetched, elapsed_ms))
        except asyncio.CancelledError:
            if self._is_closed:
                raise LogUnavailable from None
            raise
        finally:
            self._places.release()

    async def _in(self, threads: ThreadPoolExecutor, job: Callable[[], T]) -> T:
        if self._is_closed:
            raise LogUnavailable
        return await asyncio.get_running_loop().run_in_executor(threads, job)

    def _fetch(self, running: Running, statement: Judged) -> Fetched:
        options = self._options
        try:
            with self._cage.cursor(running.make_room) as cursor, self._watch.over(running, cursor):
                return fetch(cursor, statement, max_rows=options.max_rows, max_bytes=2 * options.max_bytes)
        except ApplianceError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it was, the statement is to blame
            failure = running.verdict or _failure(fault)
        # not in the handler: the fault knows the frames that hold the rows, and would keep them
        raise failure

    def _answer(self, fetched: Fetched, elapsed_ms: int) -> Answer:
        options = self._options
        return answer_of(fetched, max_rows=options.max_rows, max_bytes=options.max_bytes, elapsed_ms=elapsed_ms)


def _let_pass(whole: asyncio.Future[Answer]) -> None:
    """Look at what came of a query that nobody waits for: asyncio complains of failures that none has seen."""
    if not whole.cancelled():
        whole.exception()


def _failure(fault: Exception) -> QueryFailed:
    if isinstance(fault, (duckdb.OutOfMemoryException, MemoryError)):
        return QueryFailed("there was not enough memory for the query: ask for less, or again when less is going on")
    if isinstance(fault, (duckdb.IOException, duckdb.PermissionException)):
        return QueryFailed("the query could not be carried out: the engine had no access to what it needed")
    return QueryFailed(told(fault))


def yield_to_others() -> None:
    """Let the calling thread have the processor when nobody else wants it, where the system knows such a thing."""
    thread = threading.get_native_id()
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, thread, _LOWEST_PRIORITY)
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def size_bytes(text: str) -> int:
    """Bytes of a size with its unit as settings have it: ``192MB``, ``1.5 GiB``."""
    found = re.fullmatch(r"([0-9.]+) ?([KMGT])(i?)B", text)
    if found is None:
        raise ValueError(f"{text!r} is no size")
    number, letter, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[letter])
