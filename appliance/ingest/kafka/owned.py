"""The partitions that this consumer has, and what of them is on its way into the log.

Shared by the consumer's thread, which reads and submits, and the library's, which tells of rebalances.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from appliance.ingest.kafka.counts import KafkaCounts
from appliance.ingest.kafka.messages import Taken
from appliance.log.kafka_offsets import KafkaOffsets
from appliance.log.protocol import Batch, Offset, OffsetMove, Receipt
from appliance.log.writer import Writer

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A batch that was submitted."""

    future: Future[Receipt]
    taken: Taken
    to: Offset
    last_ms: int | None
    """The time of its last message."""


@dataclass(slots=True)
class Owned:
    """One partition. All but ``under_way`` belongs to the consumer's thread."""

    partition: Partition
    ready: bool = False
    """It is known where to read from, and nothing has gone wrong since."""
    not_before: float = 0.0
    """When, by the monotonic clock, it may be placed again."""
    failures: int = 0
    expected: Offset | None = None
    """Where the log stands once everything under way is durable."""
    at: Offset = field(default_factory=lambda: Offset(0))
    """Where the next message is read, in which topic."""
    under_way: deque[UnderWay] = field(default_factory=deque)
    placed: bool = False
    """It was ready once: ``first`` and ``at`` say something."""
    first: int = 0
    """Where reading began."""
    end: int = 0
    last_ms: int | None = None
    unreadable: dict[int, int] = field(default_factory=dict)
    """How often the records at an offset could not be taken apart."""

    def rewind(self, not_before: float) -> None:
        """Read again from where the log stands, once nothing is under way any more."""
        self.ready = False
        self.not_before = not_before


@dataclass(frozen=True, slots=True)
class Released:
    """See ``Leaving``."""

    ownership: Ownership
    parts: Sequence[Owned]
    under_way: Sequence[Future[Receipt]]

    def is_settled(self) -> bool:
        return all(future.done() for future in self.under_way)

    def durable(self) -> Mapping[Partition, int]:
        return self.ownership.durable(self.parts)


class Ownership:
    """All of them. ``group`` is the consumer group."""

    def __init__(self, group: str, offsets: KafkaOffsets, writer: Writer, counts: KafkaCounts) -> None:
        self._group = group
        self._counts = counts
        self._offsets = offsets
        self._writer = writer
        self._lock = threading.Lock()
        self._owned: dict[Partition, Owned] = {}
        self._leaving: list[UnderWay] = []
        self.assigned = False
        """The group has given out its partitions, be it none to this consumer."""

    def assign(self, partitions: Collection[Partition]) -> None:
        with self._lock:
            self.assigned = True
            self._counts.rebalances += 1
            self._owned |= {(topic, number): Owned((topic, number)) for topic, number in partitions}

    def release(self, partitions: Collection[Partition]) -> Released:
        with self._lock:
            found = [self._owned.pop((topic, number), None) for topic, number in partitions]
            gone = [owned for owned in found if owned is not None]
            under_way = [batch for owned in gone for batch in owned.under_way]
            self._leaving += under_way
        return Released(self, gone, [batch.future for batch in under_way])

    def durable(self, parts: Iterable[Owned]) -> dict[Partition, int]:
        """How far the log holds what this consumer has read.

        Not of a partition in which another log is further: Kafka is not to be told to go back there.
        """
        reached = {owned.partition: self.reached(owned) for owned in parts if owned.placed}
        return {partition: offset for partition, offset in reached.items() if offset is not None}

    def reached(self, owned: Owned) -> int | None:
        """The offset behind what the log holds, ``None`` where that is less than where reading began."""
        stored = self.stored(owned.partition)
        if stored is None or stored.incarnation != owned.at.incarnation or stored.next < owned.first:
            return None
        return stored.next

    def stored(self, partition: Partition) -> Offset | None:
        """Where the log stands."""
        return self._offsets.stored(self._group, *partition)

    def all(self) -> list[Owned]:
        with self._lock:
            return list(self._owned.values())

    def find(self, partition: Partition) -> Owned | None:
        with self._lock:
            return self._owned.get(partition)

    def left(self) -> list[UnderWay]:
        """What was under way when its partition was taken away and has ended since; each is given out once."""
        with self._lock:
            ended = [batch for batch in self._leaving if batch.future.done()]
            self._leaving = [batch for batch in self._leaving if not batch.future.done()]
            return ended

    def submit(self, owned: Owned, taken: Taken, next_offset: int, last_ms: int | None) -> bool:
        """Hand over what was read up to ``next_offset``; ``False`` where the partition was taken away meanwhile.

        Raises ``LogUnavailable`` while the writer is stopping.
        """
        to = owned.at._replace(next=next_offset)
        move = OffsetMove(self._group, *owned.partition, owned.expected, to)
        batch = Batch(taken.rows, taken.dead_letters, taken.size_bytes, offsets=(move,))
        with self._lock:
            if self._owned.get(owned.partition) is not owned:
                return False
            future = self._writer.submit(batch)
            owned.under_way.append(UnderWay(future, taken, to, last_ms))
        owned.at = owned.expected = to
        return True
