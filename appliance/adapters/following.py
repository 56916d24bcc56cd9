"""A mirror's place in the log: what it is to be given next, and how far it is behind."""

from __future__ import annotations

from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from appliance.adapters.protocol import MirrorBatch
from appliance.clock import SECOND_US, Clock, from_datetime
from appliance.log.position import Position

BATCH_BYTES: Final = 8 * 1024 * 1024
"""What a batch should hold in memory at most; a single one may be larger, when events suddenly are."""
_FIRST_BATCH_EVENTS: Final = 500


class MirroredLog(Protocol):
    """What mirrors need of the event log; see ``EventLog``."""

    def read(self, after: Position | None, limit: int) -> tuple[pa.Table, Position]: ...

    def tail(self) -> Position: ...

    def before_first(self, happened_us: int) -> Position: ...


class BatchSize:
    """How many events to read at once: as many as allowed, and fewer when they are large."""

    def __init__(self, most_events: int, most_bytes: int = BATCH_BYTES) -> None:
        self._most_events = most_events
        self._most_bytes = most_bytes
        self.events = min(most_events, _FIRST_BATCH_EVENTS)

    def saw(self, events: int, size_bytes: int) -> None:
        """Learn from what was read."""
        if not events:
            return
        fitting = max(1, self._most_bytes * events // max(1, size_bytes))
        self.events = min(self._most_events, 2 * self.events, fitting)


class Following:
    """Reads the log after a mirror's cursor. ``lag`` may be asked for from any thread, all else is its runner's."""

    def __init__(self, log: MirroredLog, clock: Clock, most_events: int) -> None:
        self._log = log
        self._clock = clock
        self._size = BatchSize(most_events)
        self._start_us: int | None = None
        self._after: Position | None = None
        self._first_waiting_us: int | None = None
        self._caught_up_us: int | None = None
        self.cursor: Position | None = None

    def begin(self, cursor: Position | None, *, start_us: int | None = None, history_us: int | None = None) -> None:
        """Stand at the target's cursor, or where it has none at the beginning.

        ``start_us`` leaves out what happened before, always; ``history_us`` only says where a new mirror begins: with
        the first event of the last so many microseconds, or with the first of all.
        """
        self.cursor = self._after = cursor
        self._start_us = start_us
        self._first_waiting_us = None
        if cursor is None:
            history_start_us = None if history_us is None else self._clock.now_us() - history_us
            known = [instant for instant in (start_us, history_start_us) if instant is not None]
            self._after = self._log.before_first(max(known)) if known else None

    def is_past(self, position: Position) -> bool:
        """Whether everything up to ``position`` is mirrored, or left out; also where that lies in another log."""
        if position.identity != self._log.tail().identity:
            return True
        return self._after is not None and self._after >= position

    def next(self, until: Position | None = None) -> MirrorBatch | None:
        """The batch that follows, its position not beyond ``until``; ``None`` where there is nothing yet."""
        tail = self._log.tail()
        end = tail if until is None else min(tail, until)
        if self._after is not None and self._after >= end:
            if end == tail:
                self._caught_up_us, self._first_waiting_us = self._clock.now_us(), None
            return None
        events, position = self._log.read(self._after, self._size.events)
        self._size.saw(len(events), events.nbytes)
        # where nothing is left to read, what lay between has expired: it is passed all the same
        position = min(end, position) if len(events) else end
        events = events.filter(pc.less_equal(events.column("seq"), position.seq))
        self._note_waiting(events)
        return MirrorBatch(self._wanted(events), self.cursor, position)

    def written(self, position: Position) -> None:
        """The target's cursor has moved here."""
        self.cursor = self._after = position

    def look(self) -> None:
        """Find out since when the next event has been waiting, where that isn't known."""
        if self._first_waiting_us is None and self._lag_events():
            self._note_waiting(self._log.read(self._after, 1)[0])

    def lag(self) -> tuple[int, float]:
        """Events that are not mirrored yet, and for how many seconds the first of them has been waiting."""
        events = self._lag_events()
        # an imported event keeps the time when it was first received, but has waited only since it came here
        known = [instant for instant in (self._first_waiting_us, self._caught_up_us) if instant is not None]
        if not events or not known:
            return events, 0.0
        return events, max(0.0, (self._clock.now_us() - max(known)) / SECOND_US)

    def _lag_events(self) -> int:
        after, tail = self._after, self._log.tail()
        return max(0, tail.seq - (after.seq if after is not None else 0))

    def _note_waiting(self, events: pa.Table) -> None:
        if len(events):
            self._first_waiting_us = from_datetime(events.column("received_at")[0].as_py())

    def _wanted(self, events: pa.Table) -> pa.Table:
        if self._start_us is None or not len(events):
            return events
        start = pa.scalar(self._start_us, pa.int64()).cast(pa.timestamp("us"))
        return events.filter(pc.greater_equal(events.column("timestamp"), start))
