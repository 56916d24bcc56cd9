"""The snapshot hub: each figure is computed once a tick, encoded once, and read by everyone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import duckdb
import msgspec
import structlog

from appliance.analytics.snapshot import take_hourly, take_now, take_slow
from appliance.clock import SECOND_US, Clock
from appliance.errors import LogError, LogUnavailable
from appliance.log.position import Position

_logger = structlog.get_logger(__name__)

# A tick may take a fifth of the time: after one of 300 ms the next begins 1.5 s later.
_REST_PER_WORK: Final = 5
MOST_AGE_US: Final = 2 * SECOND_US
# Without a viewer or a question for this long the hub rests.
_INTEREST_SECONDS: Final = 15.0
# How long a question waits for the computation before it.
_PATIENCE_SECONDS: Final = 10.0


class FiguresLog(Protocol):
    """What the hub needs of the log."""

    def reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]: ...

    def tail(self) -> Position: ...

    def position_in(self, cursor: duckdb.DuckDBPyConnection) -> str: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All live figures as of one instant, and their JSON, made once for all."""

    version: int
    as_of_us: int
    position: Position
    figures: dict[str, Any]
    encoded: bytes


@dataclass(frozen=True, slots=True)
class HubOptions:
    """What the figures depend on besides the log."""

    base_currency: str = "USD"
    timezone: str = "UTC"
    interval_seconds: float = 1.0


Callback = Callable[[Snapshot], None]


@dataclass(slots=True)
class _Part:
    """Figures that move slowly and cost more: taken anew after ``every_seconds``, or later where they are dear."""

    take: Callable[[duckdb.DuckDBPyConnection, int], dict[str, Any]]
    every_seconds: float
    figures: dict[str, Any] = field(default_factory=dict)
    due: float = float("-inf")

    def current(self, cursor: duckdb.DuckDBPyConnection, as_of_us: int, clock: Clock, *, anew: bool) -> dict[str, Any]:
        began = clock.monotonic()
        if anew or began >= self.due:
            self.figures = self.take(cursor, as_of_us)
            took = clock.monotonic() - began
            self.due = began + max(self.every_seconds, 2 * _REST_PER_WORK * took)
        return self.figures


class SnapshotHub:
    """Computes snapshots in a thread of its own while somebody wants them."""

    def __init__(self, log: FiguresLog, clock: Clock, options: HubOptions) -> None:
        self._log = log
        self._clock = clock
        self._options = options
        self._latest: Snapshot | None = None
        zone, currency = options.timezone, options.base_currency
        self._parts = [
            _Part(lambda cursor, at: take_hourly(cursor, at, zone=zone, base_currency=currency), every_seconds=3.0),
            _Part(lambda cursor, at: take_slow(cursor, at, zone=zone, base_currency=currency), every_seconds=10.0),
        ]
        self._computing = threading.Lock()
        self._subscribing = threading.Lock()
        self._callbacks: list[Callback] = []
        self._subscribing = threading.Lock()
        self._wanted_at = float("-inf")
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshot", daemon=True)
        self.last_tick_seconds = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)

    def latest(self) -> Snapshot | None:
        """The newest snapshot, however old; never blocks."""
        return self._latest

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call ``callback`` in the hub's thread with each new snapshot, until the returned function is called."""
        with self._subscribing:
            self._callbacks = [*self._callbacks, callback]
        self._wake.set()

        def unsubscribe() -> None:
            with self._subscribing:
                self._callbacks = [known for known in self._callbacks if known is not callback]

        return unsubscribe

    def current(self) -> Snapshot:
        """A snapshot at most two seconds old that counts what is in the log now; may compute it. Blocks.

        Raises ``LogUnavailable`` where the log can't be read.
        """
        self._wanted_at = self._clock.monotonic()
        self._wake.set()
        latest = self._latest
        if latest is not None and self._is_good(latest):
            return latest
        if not self._computing.acquire(timeout=_PATIENCE_SECONDS):
            raise LogUnavailable("the figures take too long to compute: ask again after a moment")
        try:
            latest = self._latest
            return latest if latest is not None and self._is_good(latest) else self._compute()
        finally:
            self._computing.release()

    def _is_good(self, snapshot: Snapshot) -> bool:
        age_us = self._clock.now_us() - snapshot.as_of_us
        if not 0 <= age_us <= MOST_AGE_US - SECOND_US // 2:
            return False
        return snapshot.position == self._log.tail() or age_us < _REST_PER_WORK * self.last_tick_seconds * SECOND_US

    def _run(self) -> None:
        while not self._stopping.is_set():
            rest = self._options.interval_seconds
            if self._is_wanted():
                rest = max(rest, _REST_PER_WORK * self.last_tick_seconds)
                self._tick()
                self._stopping.wait(rest)
            else:
                self._wake.wait(rest)
            self._wake.clear()

    def _is_wanted(self) -> bool:
        return bool(self._callbacks) or self._clock.monotonic() - self._wanted_at < _INTEREST_SECONDS

    def _tick(self) -> None:
        try:
            with self._computing:
                snapshot = self._compute()
        except LogError as fault:
            _logger.info("no snapshot could be taken", reason=str(fault))
            return
        except Exception:
            _logger.exception("a snapshot failed")
            return
        for callback in self._callbacks:
            try:
                callback(snapshot)
            except Exception:
                # one subscriber's trouble, such as a loop that has just ended, is nobody else's
                _logger.exception("a subscriber failed")

    def _compute(self) -> Snapshot:
        position = self._log.tail()
        as_of_us = self._clock.now_us()
        figures: dict[str, Any] = {}
        began = self._clock.monotonic()
        currency = self._options.base_currency
        with self._log.reader() as cursor:
            figures |= take_now(cursor, as_of_us, base_currency=currency, position=self._log.position_in)
            self.last_tick_seconds = self._clock.monotonic() - began
            first_events = self._latest is not None and self._latest.figures["empty"] and not figures["empty"]
            for part in self._parts:
                figures |= part.current(cursor, as_of_us, self._clock, anew=first_events)
        version = self._latest.version + 1 if self._latest is not None else 1
        figures |= {"version": version, "tick_ms": round(self.last_tick_seconds * 1000, 1)}
        self._latest = Snapshot(version, as_of_us, position, figures, msgspec.json.encode(figures))
        return self._latest
