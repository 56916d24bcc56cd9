"""The one thread that writes to the log: group commit, jobs in between, and the moment of a checkpoint."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import duckdb
import structlog

from appliance.clock import Clock
from appliance.errors import ApplianceError, LogUnavailable
from appliance.log.database import Database
from appliance.log.protocol import Batch, EventLog, Receipt

T = TypeVar("T")

_logger = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 0.5
IDLE_CHECKPOINT_BYTES: Final = 1_000_000
RETRY_CHECKPOINT_SECONDS: Final = 5.0


class WritableLog(EventLog, Protocol):
    """What the writer needs of a log beyond the contract."""

    database: Database

    def checkpoint(self) -> None: ...

    def heal(self) -> None: ...

    def wal_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """The pace of group commit; the defaults are those of the settings of the same names."""

    group_wait_seconds: float = 0.004
    group_max_events: int = 10_000
    checkpoint_wal_bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class WriterCounts:
    """What the writer has done since it started, for the metrics page."""

    commits: int = 0
    events: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    failures: int = 0
    checkpoints: int = 0
    commit_seconds: float = 0.0
    last_failure: str | None = None


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    outcome: Future[Receipt] | asyncio.Future[Receipt]
    loop: asyncio.AbstractEventLoop | None = None


@dataclass(slots=True)
class Writer:
    """Group commit over an ``EventLog``.

    ``submit`` and ``submit_async`` may be called from any thread; their futures end when the batch is
    durable, with its ``Receipt``, or with ``StorageFull`` or ``LogUnavailable`` when it was not stored.
    """

    log: WritableLog
    clock: Clock
    options: WriterOptions = field(default_factory=WriterOptions)
    counts: WriterCounts = field(default_factory=WriterCounts)
    on_commit: Callable[[], None] | None = None
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _jobs: deque[Callable[[], None]] = field(default_factory=deque)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _stopping: bool = False
    _thread: threading.Thread | None = None
    _checkpoint_not_before: float = 0.0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """Write what was taken, then end; the log stays open. Later submissions fail."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def submit(self, batch: Batch) -> Future[Receipt]:
        """Hand over a batch from a thread that will wait for the outcome."""
        outcome: Future[Receipt] = Future()
        self._put(_Waiting(batch, outcome))
        return outcome

    def submit_async(self, batch: Batch) -> asyncio.Future[Receipt]:
        """Hand over a batch from a coroutine; a group's outcomes reach its loop in one call."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Receipt] = loop.create_future()
        self._put(_Waiting(batch, outcome, loop))
        return outcome

    def run(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> Future[T]:
        """Run ``job`` on the writer's cursor in one transaction, after the ingest that waits now.

        The transaction commits when the job returns and is rolled back when it raises.
        """
        return self._put_job(lambda: self._in_transaction(job))

    def call(self, job: Callable[[], T]) -> Future[T]:
        """Run ``job`` in the writer's thread, outside of any transaction, after the ingest that waits now."""
        return self._put_job(job)

    def queued_events(self) -> int:
        return sum(len(waiting.batch.rows) for waiting in tuple(self._waiting))

    def _put(self, waiting: _Waiting) -> None:
        with self._wake:
            if self._stopping:
                raise LogUnavailable
            self._waiting.append(waiting)
            self._wake.notify()

    def _put_job(self, job: Callable[[], T]) -> Future[T]:
        outcome: Future[T] = Future()

        def run() -> None:
            try:
                outcome.set_result(job())
            except BaseException as fault:  # noqa: BLE001 - whatever it was belongs to the one who waits
                outcome.set_exception(fault)

        with self._wake:
            if self._stopping:
                raise LogUnavailable
            self._jobs.append(run)
            self._wake.notify()
        return outcome

    def _in_transaction(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        cursor = self.log.database.cursor()
        cursor.execute("BEGIN")
        try:
            result = job(cursor)
            cursor.execute("COMMIT")
        except BaseException:
            try:
                cursor.execute("ROLLBACK")
            except duckdb.Error:
                _logger.debug("nothing to roll back")
            raise
        return result

    def _run(self) -> None:
        crowded = False
        while True:
            with self._wake:
                idle = not self._wake.wait_for(self._has_work, timeout=IDLE_SECONDS)
                if self._stopping and not self._waiting and not self._jobs:
                    return
                crowded = crowded or len(self._waiting) > 1
            if idle:
                crowded = False
                self._heal()
                self._checkpoint_if(IDLE_CHECKPOINT_BYTES)
                continue
            if crowded and self._waiting:
                # others are arriving: a moment's wait fills the group and saves a commit for each
                threading.Event().wait(self.options.group_wait_seconds)
            group = self._take_group()
            if group:
                self._commit(group)
                crowded = bool(self._waiting)
                self._checkpoint_if(self.options.checkpoint_wal_bytes)
            if self._jobs:
                self._jobs.popleft()()

    def _has_work(self) -> bool:
        return bool(self._waiting or self._jobs or self._stopping)

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        events = 0
        while self._waiting and events < self.options.group_max_events:
            waiting = self._waiting.popleft()
            events += len(waiting.batch.rows)
            group.append(waiting)
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        began = self.clock.monotonic()
        try:
            receipts = self.log.append([waiting.batch for waiting in group])
        except ApplianceError as fault:
            self._count_failure(fault)
            _resolve(group, [fault] * len(group))
            return
        except Exception as fault:
            if len(group) > 1:
                # one batch may hold what the log can't take: the others must not fail with it
                for waiting in group:
                    self._commit([waiting])
                return
            _logger.exception("a group commit failed")
            self._count_failure(fault)
            _resolve(group, [LogUnavailable(f"the commit failed: {type(fault).__name__}")] * len(group))
            return
        _resolve(group, receipts)
        self.counts.commits += 1
        self.counts.commit_seconds += self.clock.monotonic() - began
        self.counts.last_failure = None
        for waiting, receipt in zip(group, receipts, strict=True):
            self.counts.events += receipt.accepted
            self.counts.duplicates += receipt.duplicates
            self.counts.dead_letters += len(waiting.batch.dead_letters)
        if self.on_commit is not None:
            self.on_commit()

    def _count_failure(self, fault: Exception) -> None:
        self.counts.failures += 1
        self.counts.last_failure = str(fault)

    def _heal(self) -> None:
        """Bring a log back that a fault has closed, so that reading goes on though nothing is written."""
        try:
            self.log.heal()
        except LogUnavailable as fault:
            self._count_failure(fault)

    def _checkpoint_if(self, threshold_bytes: int) -> None:
        if self.log.wal_bytes() < threshold_bytes or self.clock.monotonic() < self._checkpoint_not_before:
            return
        try:
            self.log.checkpoint()
            self.counts.checkpoints += 1
        except LogUnavailable as fault:
            self._checkpoint_not_before = self.clock.monotonic() + RETRY_CHECKPOINT_SECONDS
            _logger.warning("the checkpoint failed and is tried again later", reason=str(fault))


def _resolve(group: list[_Waiting], outcomes: list[Receipt] | list[ApplianceError] | list[LogUnavailable]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Receipt], object]]] = {}
    for waiting, outcome in zip(group, outcomes, strict=True):
        if waiting.loop is None:
            _settle(waiting.outcome, outcome)
        else:
            by_loop.setdefault(waiting.loop, []).append((waiting.outcome, outcome))  # type: ignore[arg-type]
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, settled)
        except RuntimeError:  # the loop has ended, and nobody waits any more
            _logger.debug("the outcome of a commit found its loop closed")


def _settle_all(settled: list[tuple[asyncio.Future[Receipt], object]]) -> None:
    for future, outcome in settled:
        if not future.done():  # the request may have gone away meanwhile
            _settle(future, outcome)


def _settle(future: Future[Receipt] | asyncio.Future[Receipt], outcome: object) -> None:
    if isinstance(outcome, Receipt):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)  # type: ignore[arg-type]
