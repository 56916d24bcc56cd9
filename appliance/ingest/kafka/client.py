"""One membership in the group, through the library. Its thread is the consumer's; a rebalance is told from another.

Positions are never the library's to decide (``auto_offset_reset`` is ``none``): each partition that is assigned stands
still until ``begin`` has told it where to read.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

import kafka.errors as library
from kafka import TopicPartition
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata

from appliance.config.kafka import KafkaSettings
from appliance.ingest.kafka.chunk import Chunk
from appliance.ingest.kafka.connect import ASK_MS, explained, open_consumer, refusal
from appliance.ingest.kafka.place import Committed, Range
from appliance.ingest.kafka.records import ChunkRecords

Partition = tuple[str, int]
"""A topic and the number of a partition of it; the library's own kind is a tuple too, and equal to this."""

POLL_CHUNKS: Final = 8
_RELEASE_SECONDS: Final = 2.0
_COMMIT_MS: Final = 1_000
_MISPLACED: Final = (library.OffsetOutOfRangeError, library.NoOffsetForPartitionError, library.LogTruncationError)


class Misplaced(Exception):
    """The place that is read from isn't there any more."""


class NotAllowed(Exception):
    """The group or the login may not read a topic; the message says which."""


class Leaving(Protocol):
    """Partitions that are taken away."""

    def is_settled(self) -> bool:
        """Whether nothing of them is on its way into the log any more."""

    def durable(self) -> Mapping[Partition, int]:
        """The offsets up to which the log holds what this consumer has read of them."""


class Members(Protocol):
    """Who owns what is assigned. Called from the library's thread: must not block."""

    def assign(self, partitions: Collection[Partition]) -> None:
        """They are this consumer's from now on, and wait for ``begin``."""

    def release(self, partitions: Collection[Partition]) -> Leaving:
        """They are another's from now on: nothing more is submitted."""


class Client:
    """Joins the group when it is made. Whatever goes wrong is a ``KafkaFault``, unless a method says otherwise."""

    def __init__(self, settings: KafkaSettings, own_id: str, members: Members) -> None:
        self._own_id = own_id
        self._consumer = open_consumer(settings, **_options(settings))
        self._consumer._fetcher.PartitionRecords = ChunkRecords  # noqa: SLF001 - see ``records``
        self._consumer.subscribe(settings.topics, listener=_Listener(self, members))

    def poll(self, timeout_ms: int, readable: Collection[Partition]) -> list[Chunk]:
        """What has come of the readable partitions; keeps the membership alive.

        Raises ``Misplaced`` and ``NotAllowed`` too.
        """
        assigned, paused = self._consumer.assignment(), self._consumer.paused()
        self._finish_joining()
        try:
            self._consumer.pause(*(each for each in assigned if each not in readable and each not in paused))
            self._consumer.resume(*(each for each in assigned if each in readable and each in paused))
            found = self._consumer.poll(timeout_ms=timeout_ms, max_records=POLL_CHUNKS)
        except _MISPLACED as fault:
            raise Misplaced from fault
        except library.AuthorizationError as fault:
            raise NotAllowed(refusal(fault)) from fault
        except Exception as fault:
            raise explained(fault) from fault
        return [chunk for chunks in found.values() for chunk in chunks]

    def _finish_joining(self) -> None:
        """Have the library end a join that a poll has left for want of time.

        It forgets it otherwise where only a change of the topics had led to it, and stays a member without partitions
        and without heartbeats.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001
        if coordinator.rejoining:
            coordinator.request_rejoin()

    def begin(self, partition: Partition, offset: int) -> None:
        """Read from ``offset`` on; nothing where it isn't assigned any more."""
        with suppress(ValueError):
            self._consumer.seek(TopicPartition(*partition), offset)

    def ranges(self, partitions: Collection[Partition]) -> dict[Partition, Range]:
        """What there is to read."""
        asked = [TopicPartition(*each) for each in partitions]
        try:
            first = self._consumer.beginning_offsets(asked, timeout_ms=ASK_MS)
            end = self._consumer.end_offsets(asked, timeout_ms=ASK_MS)
        except Exception as fault:
            raise explained(fault) from fault
        return {each: Range(first[each], end[each], self.topic_id(each.topic)) for each in asked}

    def committed(self, partitions: Collection[Partition]) -> dict[Partition, Committed]:
        """What the group has committed; a partition without is missing."""
        asked = [TopicPartition(*each) for each in partitions]
        try:
            # ``KafkaConsumer.committed`` asks for one at a time
            found = self._consumer._coordinator.fetch_committed_offsets(asked, timeout_ms=ASK_MS)  # noqa: SLF001
        except Exception as fault:
            raise explained(fault) from fault
        return {
            (each.topic, each.partition): Committed(told.offset, told.metadata or "")
            for each, told in found.items()
            if told.offset >= 0
        }

    def commit(self, offsets: Mapping[Partition, int]) -> Any:
        """Tell Kafka how far the log is, for its own tools and the group's other logs. Doesn't wait, raises nothing."""
        told = {TopicPartition(*each): OffsetAndMetadata(next_, self._own_id, -1) for each, next_ in offsets.items()}
        try:
            return self._consumer.commit_async(told)
        except Exception:  # noqa: BLE001 - the next one says all that this one did
            return None

    def highwater(self, partition: Partition) -> int | None:
        """The offset behind the last message, as of the last answer of the broker."""
        try:
            found: int | None = self._consumer.highwater(TopicPartition(*partition))
        except library.IllegalStateError:  # not assigned any more
            return None
        return found

    def topic_id(self, topic: str) -> str:
        """Kafka's id of a topic; empty where the broker tells none."""
        found = self._consumer._cluster.topic_id(topic)  # noqa: SLF001 - there is no other way to it
        return str(found) if found else ""

    def missing(self, topics: Iterable[str]) -> list[str]:
        """Topics that don't exist, or that the login may not see."""
        return [topic for topic in topics if not self._consumer._cluster.partitions_for_topic(topic)]  # noqa: SLF001

    def ping(self) -> None:
        """Ask for something small."""
        consumer = self._consumer
        try:
            update = consumer._cluster.request_update()  # noqa: SLF001
            consumer._net.run(consumer._manager.wait_for, update, ASK_MS)  # noqa: SLF001
        except Exception as fault:
            raise explained(fault) from fault

    def close(self, seconds: float) -> None:
        """Leave the group, after what was read is durable and committed, all within about ``seconds``."""
        with suppress(Exception):  # whoever is gone has left
            self._consumer.close(autocommit=False, timeout_ms=round(1_000 * seconds))

    async def hand_over(self, partitions: Collection[Partition], members: Members) -> None:
        """In the library's thread: let what is on its way arrive, and tell Kafka, before another takes over."""
        leaving = members.release(partitions)
        until = time.monotonic() + _RELEASE_SECONDS
        while not leaving.is_settled() and time.monotonic() < until:
            await self._consumer._net.sleep(0.01)  # noqa: SLF001 - heartbeats go on meanwhile
        reached = leaving.durable()
        update = self.commit(reached) if reached else None
        if update is not None:
            with suppress(Exception):
                await self._consumer._manager.wait_for(update, _COMMIT_MS)  # noqa: SLF001

    def hold(self, partitions: Collection[Partition]) -> None:
        """In the library's thread: nothing is read of them, nor looked up, until ``begin``."""
        for each in partitions:
            self._consumer.seek(TopicPartition(*each), 0)
            self._consumer.pause(TopicPartition(*each))


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, client: Client, members: Members) -> None:
        self._client = client
        self._members = members

    async def on_partitions_revoked(self, revoked: Collection[Partition]) -> None:
        await self._client.hand_over(revoked, self._members)

    async def on_partitions_lost(self, lost: Collection[Partition]) -> None:
        self._members.release(lost)

    async def on_partitions_assigned(self, assigned: Collection[Partition]) -> None:
        self._client.hold(assigned)
        self._members.assign(assigned)


def _options(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "group_id": settings.group_id,
        "client_id": "analytics-appliance",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        # what an aborted transaction has written was never said
        "isolation_level": "read_committed",
        "metadata_max_age_ms": 15_000,
        "max_partition_fetch_bytes": 4 << 20,
        "fetch_max_bytes": 16 << 20,
        "fetch_max_wait_ms": 250,
        "reconnect_backoff_max_ms": 5_000,
        # one that was killed is a member until then, and the group waits for it before it gives anything to the next
        "session_timeout_ms": 10_000,
        # the consumer polls whatever the disk does; it leaves no group for a slow one
        "max_poll_interval_ms": 600_000,
    }
