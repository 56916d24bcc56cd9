"""A plain Python reference of the rollups, and a log and writer just good enough to run them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import duckdb

from appliance.clock import DAY_US, HOUR_US, MINUTE_US
from appliance.events.row import EventRow, Row
from appliance.testing import bare_log, insert_rows

T = TypeVar("T")
WIDTHS = {"minute": MINUTE_US, "hour": HOUR_US, "day": DAY_US}
Buckets = dict[tuple[int, str, str | None, str | None], tuple[int, Decimal | None]]


class CrashError(Exception):
    """The process died before the commit."""


class PlainLog:
    """A bare log in memory whose writer runs jobs in the caller's thread, and can be told to crash."""

    def __init__(self) -> None:
        self.connection = bare_log()
        self.connection.execute("SET threads = 1")
        self.last_seq = 0
        self.crash_at: set[int] = set()
        self.before_run: Callable[[], None] | None = None
        self.runs = 0

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def run(self, job: Callable[[duckdb.DuckDBPyConnection], T], /) -> Future[T]:
        if self.before_run is not None:
            meanwhile, self.before_run = self.before_run, None
            meanwhile()
        future: Future[T] = Future()
        self.runs += 1
        self.connection.begin()
        try:
            result = job(self.connection)
            self._crash_if_told()
            self.connection.commit()
            future.set_result(result)
        except Exception as error:  # noqa: BLE001 - as a future does
            self.connection.rollback()
            future.set_exception(error)
        return future

    def _crash_if_told(self) -> None:
        if self.runs in self.crash_at:
            raise CrashError

    def append(self, rows: Iterable[Row]) -> None:
        """Append, with numbers that go on even when the last events have been removed, as a log's do."""
        last_stored = self._last_stored()
        insert_rows(self.connection, rows)
        lift = [self.last_seq - last_stored, last_stored]
        self.connection.execute("UPDATE events SET seq = seq + ? WHERE seq > ?", lift)
        self.last_seq = max(self.last_seq, self._last_stored())

    def _last_stored(self) -> int:
        return int(self.rows("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.reader() as cursor:
            return cursor.execute(sql).fetchall()

    def buckets(self, level: str) -> Buckets:
        found = self.rows(
            f"SELECT epoch_us(start), event_type, campaign_id, currency, events, amount FROM rollup_{level}"
        )
        stored = {row[:4]: (row[4], row[5]) for row in found}
        assert len(stored) == len(found), "a bucket is stored twice"
        return stored

    def firsts(self) -> dict[tuple[int, int], int]:
        found = self.rows("SELECT user_key, type_key, epoch_us(first_at) FROM first_seen")
        stored = {row[:2]: row[2] for row in found}
        assert len(stored) == len(found), "a first time is stored twice"
        return stored


def plain_buckets(rows: Iterable[Row], width_us: int, from_us: int | None = None) -> Buckets:
    """The buckets of ``rows``, one event after the other; those that begin before ``from_us`` are left out."""
    buckets: Buckets = {}
    for row in rows:
        event = EventRow(*row)  # type: ignore[arg-type]
        start_us = event.timestamp_us // width_us * width_us
        if from_us is not None and start_us < from_us:
            continue
        key = (start_us, event.event_type, event.campaign_id, event.currency)
        events, amount = buckets.get(key, (0, None))
        if event.amount is not None:
            amount = (amount or Decimal(0)) + Decimal(event.amount).scaleb(-4)
        buckets[key] = (events + 1, amount)
    return buckets


def plain_firsts(rows: Iterable[Row], key_of: Callable[[str], int]) -> dict[tuple[int, int], int]:
    """The earliest time of each user and type among ``rows``."""
    firsts: dict[tuple[int, int], int] = {}
    for row in rows:
        event = EventRow(*row)  # type: ignore[arg-type]
        key = (event.user_key, key_of(event.event_type))
        firsts[key] = min(firsts.get(key, event.timestamp_us), event.timestamp_us)
    return firsts
