"""A mirror's thread: reads the log, writes to the target, retries, obeys orders, and tells how it stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from appliance.adapters.backoff import Backoff
from appliance.adapters.delivery import deliver
from appliance.adapters.following import Following, MirroredLog
from appliance.adapters.outbox import Outbox
from appliance.adapters.pace import Pace
from appliance.adapters.protocol import Mirror, MirrorError, Misconfigured, RefusedEvent
from appliance.adapters.state import MirrorStatus, Standing
from appliance.clock import DAY_US, Clock, SteadyTime
from appliance.errors import ApplianceError
from appliance.log.position import Position
from appliance.store.mirrors import Erasure, MirrorStore, Orders

_logger = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.25
HEALTH_SECONDS: Final = 5.0
"""How often an idle target is asked for a sign of life."""
RECHECK_SECONDS: Final = 60.0
"""How often something is tried again that isn't expected to get better by itself."""
EXPIRE_SECONDS: Final = 3_600.0
_NOTE_SECONDS: Final = 5.0
_LONGEST_ERROR: Final = 300


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How one mirror is run; ``batch_events`` and ``retention_days`` are the settings of these names."""

    batch_events: int = 5_000
    retention_days: int = 0
    backoff: Callable[[], Backoff] = Backoff
    mask: Callable[[str], str] = str
    """Strikes secrets out of what is told."""


class Runner:
    """Runs one mirror in a thread of its own; it never holds up anybody else.

    ``make`` makes the mirror, in that thread: it may import what takes seconds. Orders are in ``store``; call ``hear``
    after changing them.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Mirror],
        log: MirroredLog,
        store: MirrorStore,
        clock: Clock,
        options: RunnerOptions | None = None,
        on_erased: Callable[[str, str, int], None] = lambda _name, _user_id, _removed: None,
    ) -> None:
        self.name = name
        self._make = make
        self._log = log
        self._store = store
        self._clock = clock
        # what expires is gone: a clock set forward by mistake mustn't decide it
        self._steady = SteadyTime(clock)
        self._options = options or RunnerOptions()
        self._on_erased = on_erased
        self._following = Following(log, clock, self._options.batch_events)
        self._backoff = self._options.backoff()
        self._mirror: Mirror | None = None
        self._orders, self._stale = Orders(), True
        self._recalled = False
        self._standing = Standing(name, clock)
        self._expiry, self._health = Pace(EXPIRE_SECONDS, clock), Pace(HEALTH_SECONDS, clock)
        self._noting = Pace(_NOTE_SECONDS, clock)
        self.outbox = Outbox(clock)
        self._told = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mirror-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Take up nothing more; what is being written is finished. Returns at once."""
        self._stopping.set()
        self._told.set()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within ``timeout`` seconds. One that hangs in a call is left behind."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def hear(self, *, paused: bool | None = None) -> None:
        """Orders have changed: read them before the next batch, and don't wait with it. ``paused`` is told at once."""
        if paused is not None:
            self._standing.paused = paused
        self._told.set()

    def status(self) -> MirrorStatus:
        """How the mirror stands now. Never blocks."""
        return self._standing.status(self._following.cursor, self._following.lag())

    def step(self) -> float:
        """Do one piece of work; returns after how many seconds there may be more. Never raises."""
        self._standing.begin_call()
        try:
            self._recall()
            return self._work()
        except Exception as fault:  # noqa: BLE001 - whatever it was, the mirror goes on after a while
            return self._fail(fault)
        finally:
            self._standing.end_call()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._told.wait(self.step())
        self._let_go()

    def _recall(self) -> None:
        """Know lags and counts before the target answers, from what was noted when the process last ran."""
        if self._recalled:
            return
        noted = self._store.last_seen(self.name)
        position = None if noted is None else Position.parse(noted)
        if position is None or self._is_mine(position):
            self._following.begin(position)
        self._count_refused()
        self._recalled = True

    def _work(self) -> float:
        self._obey()
        if self._orders.paused:
            self._following.look()
            return POLL_SECONDS
        mirror = self._connected()
        if mirror is None:
            self._following.look()
            return RECHECK_SECONDS
        self.outbox.publish(mirror)
        self._erase(mirror)
        batch = self._following.next(self._until())
        if batch is None:
            return self._rest(mirror)
        deliver(mirror, batch, self._refuse)
        self._following.written(batch.position)
        self._standing.mirrored += len(batch.events)
        self._succeed()
        self._note(self._noting)
        return 0.0

    def _obey(self) -> None:
        if self._told.is_set():
            self._told.clear()
            self._stale = True
        if not self._stale:
            return
        self._orders = self._store.orders(self.name)
        self._stale = False
        self._standing.paused = self._orders.paused
        self._standing.rebuilding = self._orders.rebuild
        if self._orders.rebuild or self._orders.paused:
            # a mirror that rests holds no connection, and one that is rebuilt begins with a new one
            self._let_go()

    def _connected(self) -> Mirror | None:
        """The mirror, ready to be written to; ``None`` where its cursor belongs to another log."""
        if self._mirror is not None:
            return self._mirror
        self._mirror = mirror = self._make()
        mirror.setup()
        if self._orders.rebuild:
            self._rebuild(mirror)
        cursor = mirror.cursor()
        if cursor is not None and not self._is_mine(cursor):
            self._following.begin(None, start_us=self._orders.start_us, history_us=mirror.history_us)
            self._standing.become("foreign", _foreign(self.name, cursor, self._log.tail()))
            self._let_go()
            return None
        self._following.begin(cursor, start_us=self._orders.start_us, history_us=mirror.history_us)
        return mirror

    def _is_mine(self, cursor: Position) -> bool:
        # one ahead of the log is of another history too: the data folder was put back without being restored
        tail = self._log.tail()
        return cursor.identity == tail.identity and cursor <= tail

    def _rebuild(self, mirror: Mirror) -> None:
        mirror.reset()
        self._store.rebuild_done(self.name)
        self._standing.refused = self._standing.dropped = 0
        self._orders = self._store.orders(self.name)
        self._standing.rebuilding = self._orders.rebuild
        _logger.info("a mirror begins anew", mirror=self.name)

    def _until(self) -> Position | None:
        """Where the next erasure lies: no batch may reach beyond it."""
        ahead = [Position.parse(erasure.position) for erasure in self._orders.erasures]
        return min(ahead, default=None)

    def _erase(self, mirror: Mirror) -> None:
        """Erase whom the cursor has passed: a batch that was read before can't bring them back any more."""
        due = [one for one in self._orders.erasures if self._following.is_past(Position.parse(one.position))]
        for erasure in due:
            self._erase_one(mirror, erasure)
        if due:
            self._orders = self._store.orders(self.name)

    def _erase_one(self, mirror: Mirror, erasure: Erasure) -> None:
        removed = mirror.erase(erasure.user_id)
        self._store.erased(self.name, erasure)
        self._on_erased(self.name, erasure.user_id, removed)

    def _rest(self, mirror: Mirror) -> float:
        if self._health.is_due():
            mirror.health()
        if self._options.retention_days and self._expiry.is_due():
            now_us = min(self._clock.now_us(), self._steady.now_us())
            mirror.expire((now_us - self._options.retention_days * DAY_US) // DAY_US * DAY_US)
        self._succeed()
        self._note(self._noting)
        return POLL_SECONDS

    def _refuse(self, events: Sequence[RefusedEvent]) -> None:
        self._store.refuse(self.name, [(event.event_id, event.seq, self._words(event.reason)) for event in events])
        self._count_refused()

    def _count_refused(self) -> None:
        self._standing.refused, self._standing.dropped = self._store.refusal_counts(self.name)

    def _succeed(self) -> None:
        self._backoff.succeeded()
        self._standing.become("up", None)

    def _fail(self, fault: Exception) -> float:
        if self._stopping.is_set():
            return 0.0
        if not isinstance(fault, ApplianceError):
            _logger.error("a mirror failed unexpectedly", mirror=self.name, exc_info=fault)
        self._let_go()
        self._standing.become("down", self._words(_told(fault)))
        try:
            self._following.look()
        except Exception as hidden:  # noqa: BLE001 - the lag's seconds are not known then
            _logger.debug("the log could not be read", reason=str(hidden))
        return RECHECK_SECONDS if isinstance(fault, Misconfigured) else self._backoff.failed()

    def _words(self, message: str) -> str:
        return self._options.mask(" ".join(message.split()))[:_LONGEST_ERROR]

    def _note(self, pace: Pace | None) -> None:
        cursor = self._following.cursor
        if cursor is not None and (pace is None or pace.is_due()):
            self._store.put_last_seen(self.name, str(cursor))

    def _let_go(self) -> None:
        """Close the client, and note where it stood: both as well as may be."""
        mirror, self._mirror = self._mirror, None
        for part in (partial(self._note, None), mirror.close if mirror is not None else lambda: None):
            try:
                part()
            except Exception as fault:  # noqa: BLE001 - it isn't needed any more, and a note is only a note
                _logger.debug("a mirror could not be let go of", mirror=self.name, reason=str(fault))


def _told(fault: Exception) -> str:
    if isinstance(fault, MirrorError):
        return fault.message
    if isinstance(fault, ApplianceError):
        return f"the appliance itself: {fault.message}"
    return f"unexpected {type(fault).__name__}: the appliance's log tells more"


def _foreign(name: str, cursor: Position, tail: Position) -> str:
    whose = "lies ahead of this log" if cursor.identity == tail.identity else "belongs to another log"
    return f"its cursor {whose}; to begin anew with this one: appliance mirrors rebuild {name}"
