"""The event log's contract: every implementation passes one conformance suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import pyarrow as pa

from appliance.events.rejection import DeadLetter
from appliance.events.row import Row
from appliance.log.position import Position


@dataclass(frozen=True, slots=True)
class Replay:
    """Which dead letters a batch settles. They go in the transaction of the events, and their ids are remembered."""

    of_rows: Sequence[bytes]
    """The letter that each of the batch's rows replays: the row is stored only while its letter is there."""
    stored_already: Sequence[bytes] = ()
    """Letters whose events lie in the log already."""

    def all(self) -> Sequence[bytes]:
        return [*self.of_rows, *self.stored_already]


class Offset(NamedTuple):
    """Where in a partition of Kafka the log stands: everything before ``next`` is in it."""

    next: int
    topic_id: str = ""
    """Kafka's own id of the topic, which a topic made anew under the same name doesn't share; empty: not known."""
    incarnation: int = 0
    """How many times the partition has begun anew, so that offsets of before and after aren't taken for the same."""


@dataclass(frozen=True, slots=True)
class OffsetMove:
    """What a batch read of a partition: the log moves from ``expected`` to ``to``, or the batch is fenced."""

    group: str
    topic: str
    partition: int
    expected: Offset | None
    """Where the sender last saw the log stand; ``None``: it holds nothing of the partition."""
    to: Offset


@dataclass(slots=True)
class Batch:
    """What one sender hands over at once: stored whole, or not at all."""

    rows: list[Row]
    dead_letters: list[DeadLetter] = field(default_factory=list)
    size_bytes: int = 0
    """Bytes that the batch holds in memory, for the queue's bound."""
    whole_log: bool = False
    """De-duplicate against every event in the log, not only those within the window."""
    replay: Replay | None = None
    offsets: Sequence[OffsetMove] = ()
    """What of Kafka the batch holds, at most one move a partition; they go in the transaction of the events."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A batch is durable: how many of its events were stored now, and how many had been before."""

    accepted: int
    duplicates: int
    position: Position
    """The log's tail once the batch was in it."""
    gone: Sequence[bytes] = ()
    """Of a replay: the letters that are not there and never were replayed. Their rows count as nothing."""
    fenced: bool = False
    """The log did not stand where the batch's offsets expected it, and nothing of the batch was stored."""


class EventLog(Protocol):
    """An append-only sequence of events with unique ids.

    ``append``, ``expire`` and ``close`` are called from one thread, the writer's; ``read`` and
    ``tail`` from any.
    """

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Store the batches in one transaction, in order; returns when it is durable.

        An event whose id is known already, earlier in the same call included, is passed over and
        counted as a duplicate: the first to come wins. So is the row of a dead letter that was replayed
        before. A dead letter that brings an id is kept once, and not again after it was replayed. A batch
        whose offsets expect another place than the log's is fenced alone. Raises ``StorageFull`` or
        ``LogUnavailable``, and then nothing of the call was stored.
        """

    def read(self, after: Position | None, limit: int) -> tuple[pa.Table, Position]:
        """At most ``limit`` events that follow ``after`` (``None``: the beginning), in order.

        The table has the columns of ``events``, ``seq`` among them. The position returned is that of
        the last event read, or ``after`` itself where nothing follows. Raises ``ValueError`` for a
        position in another log.
        """

    def tail(self) -> Position:
        """The position of the last durable event."""

    def before_first(self, happened_us: int) -> Position:
        """The position before the first event, in order, that happened at ``happened_us`` or later.

        The tail where there is none. Events of before may follow it too: they came late.
        """

    def expire(self, before_us: int) -> int:
        """Remove the events that happened before ``before_us``; returns how many. Positions stay valid."""

    def close(self) -> None:
        """Make everything durable and let go of the files. Idempotent."""
