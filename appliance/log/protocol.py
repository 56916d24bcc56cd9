"""The event log's contract: every implementation passes one conformance suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from appliance.events.rejection import DeadLetter
from appliance.events.row import Row
from appliance.log.position import Position


@dataclass(slots=True)
class Batch:
    """What one sender hands over at once: stored whole, or not at all."""

    rows: list[Row]
    dead_letters: list[DeadLetter] = field(default_factory=list)
    size_bytes: int = 0
    """Bytes that the batch holds in memory, for the queue's bound."""
    whole_log: bool = False
    """De-duplicate against every event in the log, not only those within the window."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A batch is durable: how many of its events were stored now, and how many had been before."""

    accepted: int
    duplicates: int
    position: Position
    """The log's tail once the batch was in it."""


class EventLog(Protocol):
    """An append-only sequence of events with unique ids.

    ``append``, ``expire`` and ``close`` are called from one thread, the writer's; ``read`` and
    ``tail`` from any.
    """

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Store the batches in one transaction, in order; returns when it is durable.

        An event whose id is known already, earlier in the same call included, is passed over and
        counted as a duplicate: the first to come wins. Raises ``StorageFull`` or ``LogUnavailable``,
        and then nothing of the call was stored.
        """

    def read(self, after: Position | None, limit: int) -> tuple[pa.Table, Position]:
        """At most ``limit`` events that follow ``after`` (``None``: the beginning), in order.

        The table has the columns of ``events``, ``seq`` among them. The position returned is that of
        the last event read, or ``after`` itself where nothing follows. Raises ``ValueError`` for a
        position in another log.
        """

    def tail(self) -> Position:
        """The position of the last durable event."""

    def expire(self, before_us: int) -> int:
        """Remove the events that happened before ``before_us``; returns how many. Positions stay valid."""

    def close(self) -> None:
        """Make everything durable and let go of the files. Idempotent."""
