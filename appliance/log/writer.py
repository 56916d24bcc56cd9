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
from appliance.log.dead_letters import DeadLetters
from appliance.log.protocol import Batch, EventLog, Receipt
from appliance.log.stall import CHECKPOINT, COMMIT, JOB, StallWatch
from appliance.log.waiting import Waiting, resolve
from appliance.log.writer_counts import WriterCounts

T = TypeVar("T")

_logger = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 0.5
IDLE_CHECKPOINT_BYTES: Final = 1_000_000
RETRY_CHECKPOINT_SECONDS: Final = 5.0
RETRY_BOUND_SECONDS: Final = 5.0


class WritableLog(EventLog, Protocol):
    """What the writer needs of a log beyond the contract."""

    database: Database
    stall: StallWatch
    dead_letters: DeadLetters

    def checkpoint(self) -> None: ...

    def heal(self) -> None: ...

    def probe(self) -> None: ...

    def abandon(self, cursor: duckdb.DuckDBPyConnection, fault: BaseException) -> None: ...

    def wal_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """The pace of group commit; the defaults are those of the settings of the same names."""

    group_wait_seconds: float = 0.004
    group_max_events: int = 10_000
    group_max_bytes: int = 32 * 1024 * 1024
    checkpoint_wal_bytes: int = 128 * 1024 * 1024


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
    _waiting: deque[Waiting] = field(default_factory=deque)
    _jobs: deque[Callable[[], None]] = field(default_factory=deque)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _stopping: bool = False
    _thread: threading.Thread | None = None
    _checkpoint_not_before: float = 0.0
    _bound_not_before: float = 0.0
    _crowded: bool = False

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Write what was taken, then end; the log stays open. Later submissions fail.

        ``False`` where it is still at work after ``timeout`` seconds.
        """
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def waiting(self) -> int:
        """How many batches wait for their commit to begin."""
        return len(self._waiting)

    def submit(self, batch: Batch) -> Future[Receipt]:
        """Hand over a batch from a thread that will wait for the outcome."""
        waiting, future = Waiting.in_thread(batch)
        self._put(waiting)
        return future

    def submit_async(self, batch: Batch) -> asyncio.Future[Receipt]:
        """Hand over a batch from a coroutine; a group's outcomes reach its loop in one call."""
        waiting, future = Waiting.in_loop(batch)
        self._put(waiting)
        return future

    def run(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> Future[T]:
        """Run ``job`` on the writer's cursor in one transaction, after the ingest that waits now.

        The transaction commits when the job returns and is rolled back when it raises.
        """
        return self._put_job(lambda: self._in_transaction(job))

    def call(self, job: Callable[[], T]) -> Future[T]:
        """Run ``job`` in the writer's thread, outside of any transaction, after the ingest that waits now."""
        return self._put_job(job)

    def _put(self, waiting: Waiting) -> None:
        with self._wake:
            if self._stopping:
                raise LogUnavailable
            self._waiting.append(waiting)
            self._wake.notify()

    def _put_job(self, job: Callable[[], T]) -> Future[T]:
        outcome: Future[T] = Future()

        def run() -> None:
            if not outcome.set_running_or_notify_cancel():
                return
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
        self.log.heal()
        cursor = self.log.database.cursor()
        try:
            cursor.execute("BEGIN")
            result = job(cursor)
            with self.log.stall.at(COMMIT):
                cursor.execute("COMMIT")
        except BaseException as fault:
            self.log.abandon(cursor, fault)
            raise
        return result

    def _run(self) -> None:
        while True:
            with self._wake:
                idle = not self._wake.wait_for(self._has_work, timeout=IDLE_SECONDS)
                if self._stopping and not self._waiting and not self._jobs:
                    return
                self._crowded = self._crowded or len(self._waiting) > 1
            try:
                if idle:
                    self._rest()
                else:
                    self._work()
            except Exception:
                # nobody else writes: whatever it was, this thread goes on
                _logger.exception("a turn of the writer failed")

    def _rest(self) -> None:
        self._crowded = False
        self._recover()
        self._checkpoint_if(IDLE_CHECKPOINT_BYTES)

    def _work(self) -> None:
        if self._crowded and self._waiting:
            # others are arriving: a moment's wait fills the group and saves a commit for each
            threading.Event().wait(self.options.group_wait_seconds)
        group = self._take_group()
        if group:
            self._commit(group)
            self._crowded = bool(self._waiting)
            self._bound_dead_letters()
            self._checkpoint_if(self.options.checkpoint_wal_bytes)
        if self._jobs:
            with self.log.stall.at(JOB):
                self._jobs.popleft()()

    def _has_work(self) -> bool:
        return bool(self._waiting or self._jobs or self._stopping)

    def _take_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        events = size_bytes = 0
        while self._waiting and events < self.options.group_max_events and size_bytes < self.options.group_max_bytes:
            waiting = self._waiting.popleft()
            events += len(waiting.batch.rows)
            size_bytes += waiting.batch.size_bytes
            group.append(waiting)
        return group

    def _commit(self, group: list[Waiting]) -> None:
        began = self.clock.monotonic()
        try:
            with self.log.stall.at(COMMIT):
                receipts = self.log.append([waiting.batch for waiting in group])
        except ApplianceError as fault:
            self._fail(group, fault)
        except Exception as fault:
            if len(group) > 1:
                # one batch may hold what the log can't take, and the others must not fail with it: find it by halving
                self._commit(group[: len(group) // 2])
                self._commit(group[len(group) // 2 :])
                return
            _logger.exception("a group commit failed")
            self._fail(group, LogUnavailable(f"the commit failed: {type(fault).__name__}"))
        else:
            resolve(group, receipts)
            batches = [waiting.batch for waiting in group]
            self.counts.committed(zip(batches, receipts, strict=True), self.clock.monotonic() - began)

    def _fail(self, group: list[Waiting], fault: ApplianceError) -> None:
        self.counts.failures += 1
        self.counts.last_failure = str(fault)
        resolve(group, [fault] * len(group))

    def _recover(self) -> None:
        """Bring a log back that a fault has closed, and find out whether it takes events again after it has not.

        Nobody sends to an appliance that isn't ready, so no sender would find out.
        """
        try:
            if self.counts.last_failure is None:
                self.log.heal()
            else:
                with self.log.stall.at(COMMIT):
                    self.log.probe()
                self.counts.last_failure = None
        except ApplianceError as fault:
            self.counts.last_failure = str(fault)

    def _bound_dead_letters(self) -> None:
        if not self.log.dead_letters.is_excessive() or self.clock.monotonic() < self._bound_not_before:
            return
        try:
            self.log.dead_letters.bound()
        except Exception as fault:  # noqa: BLE001 - they stay, and the next try is seconds away
            self._bound_not_before = self.clock.monotonic() + RETRY_BOUND_SECONDS
            _logger.warning("dead letters beyond their bounds could not be let go", reason=str(fault))

    def _checkpoint_if(self, threshold_bytes: int) -> None:
        if self.log.wal_bytes() < threshold_bytes or self.clock.monotonic() < self._checkpoint_not_before:
            return
        try:
            with self.log.stall.at(CHECKPOINT):
                self.log.checkpoint()
            self.counts.checkpoints += 1
        except Exception as fault:  # noqa: BLE001 - nothing of it is lost, and the next try is seconds away
            self._checkpoint_not_before = self.clock.monotonic() + RETRY_CHECKPOINT_SECONDS
            _logger.warning("the checkpoint failed and is tried again later", reason=str(fault))
