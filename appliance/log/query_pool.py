"""Where queries run: a few threads, so that no event loop ever waits for DuckDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeVar

import duckdb

from appliance.errors import Overloaded

T = TypeVar("T")

MOST_WAITING: Final = 200


class Readable(Protocol):
    """A log that lends cursors."""

    def reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]: ...


class QueryPool:
    """Runs queries on ``threads`` threads, each with a cursor of its own.

    At most ``heavy`` of them run what may take seconds, so that light ones always find a thread.
    """

    def __init__(self, log: Readable, *, threads: int = 4, heavy: int = 2) -> None:
        self._log = log
        self._pool = ThreadPoolExecutor(threads, "query")
        self._heavy = asyncio.Semaphore(heavy)
        self._waiting = 0

    async def run(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """The result of ``job``, called with a cursor; raises ``Overloaded`` when too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many queries are waiting: ask again after a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, job)
        finally:
            self._waiting -= 1

    async def run_heavy(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """As ``run``, for what may take long."""
        async with self._heavy:
            return await self.run(job)

    def close(self) -> None:
        """Take nothing more. What runs is interrupted when the log is closed."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with self._log.reader() as cursor:
            return job(cursor)
