"""Where queries run: a few threads, so that no event loop ever waits for DuckDB."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeVar

import duckdb

from appliance.errors import Overloaded

T = TypeVar("T")

MOST_WAITING: Final = 200
_LOOK_EVERY_SECONDS: Final = 1.0


class Readable(Protocol):
    """A log that lends cursors, and says when it can't."""

    def reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]: ...

    def require_answering(self) -> None: ...


class QueryPool:
    """Runs queries on ``threads`` threads, each with a cursor of its own.

    At most ``heavy`` of them run what may take seconds, so that light ones always find a thread.
    """

    def __init__(self, log: Readable, *, threads: int = 4, heavy: int = 2) -> None:
        self._log = log
        self._pool = ThreadPoolExecutor(threads, "query")
        self._heavy = asyncio.Semaphore(heavy)
        self._waiting = 0
        # two event loops count here: the API's and the dashboard's
        self._counting = threading.Lock()

    async def run(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """The result of ``job``, called with a cursor.

        Raises ``Overloaded`` when too many wait already, and ``LogUnavailable`` when the log can't be read, or can't
        any more while the query waits.
        """
        self._log.require_answering()
        self._take_place()
        running = asyncio.get_running_loop().run_in_executor(self._pool, self._read, job)
        running.add_done_callback(self._give_up_place)
        return await self.attend(running)

    async def attend(self, running: Awaitable[T]) -> T:
        """The result of what reads the log elsewhere; raises ``LogUnavailable`` where the disk stops answering."""
        future = asyncio.ensure_future(running)
        try:
            while not (await asyncio.wait({future}, timeout=_LOOK_EVERY_SECONDS))[0]:
                self._log.require_answering()
        except BaseException:
            future.cancel()
            raise
        return future.result()

    async def run_heavy(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """As ``run``, for what may take long."""
        async with self._heavy:
            return await self.run(job)

    def _take_place(self) -> None:
        with self._counting:
            if self._waiting >= MOST_WAITING:
                raise Overloaded("too many queries are waiting: ask again after a moment")
            self._waiting += 1

    def _give_up_place(self, ended: asyncio.Future[T]) -> None:
        with self._counting:
            self._waiting -= 1
        if not ended.cancelled():
            ended.exception()  # nobody may be left to ask for it

    def close(self) -> None:
        """Take nothing more. What runs is interrupted when the log is closed."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with self._log.reader() as cursor:
            return job(cursor)
