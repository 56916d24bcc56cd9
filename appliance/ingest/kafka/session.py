"""One membership in the group: what is polled goes into the log, in order, and Kafka is told how far."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from typing import Final

import structlog

from appliance.clock import Clock
from appliance.config.kafka import KafkaSettings
from appliance.errors import ApplianceError, LogUnavailable
from appliance.ingest.kafka.chunk import NO_TIMESTAMP, Chunk
from appliance.ingest.kafka.client import Client, Misplaced, NotAllowed, Partition
from appliance.ingest.kafka.counts import KafkaCounts
from appliance.ingest.kafka.health import WAITING, Health
from appliance.ingest.kafka.messages import MessageDecoder, Taken
from appliance.ingest.kafka.owned import Owned, Ownership, UnderWay
from appliance.ingest.kafka.place import Start, start
from appliance.ingest.kafka.retry import pause_seconds
from appliance.ingest.kafka.words import KafkaFault

_logger = structlog.get_logger(__name__)

MOST_MESSAGES: Final = 16_000
MOST_BYTES: Final = 16 << 20
"""So much may be on its way into the log: enough to keep the writer busy while more is decoded."""
_POLL_MS: Final = 200
_SHORT_MS: Final = 20
_COMMIT_SECONDS: Final = 1.0
_WATCH_SECONDS: Final = 0.5
_TRIES: Final = 3
"""So often records that can't be taken apart are read: the network may have been to blame."""


@dataclass(slots=True)
class Session:
    """Driven by one thread; ``client`` is the membership."""

    settings: KafkaSettings
    client: Client
    decoder: MessageDecoder
    ownership: Ownership
    health: Health
    counts: KafkaCounts
    clock: Clock
    own_id: str
    _committed: dict[Partition, int] = field(default_factory=dict)
    _next_commit: float = 0.0
    _next_watch: float = 0.0
    _missing: list[str] | None = None

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Until ``is_stopping`` says so; raises ``KafkaFault`` where this membership is of no use any more."""
        while not is_stopping():
            self._settle()
            self._place()
            self._take(self._poll())
            self._commit()
            self._watch()

    def finish(self, seconds: float) -> None:
        """Leave: what is under way becomes durable and is committed, within about ``seconds``."""
        self.client.close(seconds)
        self._settle()

    def _poll(self) -> list[Chunk]:
        parts = self.ownership.all()
        under_way = [batch for owned in parts for batch in owned.under_way]
        if _is_full(under_way):
            wait([batch.future for batch in under_way], _POLL_MS / 1_000, FIRST_COMPLETED)
            self._settle()
            under_way = [batch for owned in parts for batch in owned.under_way]
        # with too much under way the poll only keeps the membership alive
        readable = [] if _is_full(under_way) else [owned.partition for owned in parts if owned.ready]
        patience_ms = _POLL_MS if readable or not under_way else _SHORT_MS
        try:
            return self.client.poll(patience_ms, readable)
        except Misplaced:
            for owned in parts:
                self._rewind(owned)
        except NotAllowed as fault:
            self.health.failed(str(fault))
            for owned in parts:
                owned.rewind(self.clock.monotonic() + 1.0)
        return []

    def _take(self, chunks: list[Chunk]) -> None:
        if chunks:
            self._heard()
        by_partition: dict[Partition, list[Chunk]] = {}
        for chunk in chunks:
            by_partition.setdefault((chunk.topic, chunk.partition), []).append(chunk)
        for partition, found in by_partition.items():
            owned = self.ownership.find(partition)
            if owned is not None and owned.ready:
                self._take_one(owned, found)

    def _take_one(self, owned: Owned, chunks: list[Chunk]) -> None:
        taken, reached, last_ms = Taken(), None, None
        for chunk in chunks:
            if chunk.messages and chunk.messages[0].offset < owned.at.next:
                return  # of a position before the present one
            if chunk.broken is not None and self._is_to_be_read_again(owned, chunk.broken.first):
                break
            self.decoder.decode(chunk, owned.at.incarnation, taken)
            reached = chunk.next
            if chunk.messages and chunk.messages[-1].timestamp_ms != NO_TIMESTAMP:
                last_ms = chunk.messages[-1].timestamp_ms
        if reached is None:
            return
        try:
            self.ownership.submit(owned, taken, reached, last_ms)
        except LogUnavailable:
            owned.rewind(self.clock.monotonic() + 1.0)

    def _is_to_be_read_again(self, owned: Owned, offset: int) -> bool:
        tries = owned.unreadable[offset] = owned.unreadable.get(offset, 0) + 1
        if tries >= _TRIES:
            del owned.unreadable[offset]
            return False
        owned.rewind(self.clock.monotonic() + 1.0)
        return True

    def _settle(self) -> None:
        """See what became of the batches under way."""
        for owned in self.ownership.all():
            while owned.under_way and owned.under_way[0].future.done():
                batch = owned.under_way.popleft()
                if self._settle_one(batch):
                    owned.failures = 0
                    owned.last_ms = batch.last_ms
                elif owned.ready:
                    self._rewind(owned)
        for batch in self.ownership.left():
            self._settle_one(batch)

    def _rewind(self, owned: Owned) -> None:
        owned.failures += 1
        owned.rewind(self.clock.monotonic() + pause_seconds(owned.failures))

    def _settle_one(self, batch: UnderWay) -> bool:
        """Whether it is in the log."""
        fault = batch.future.exception()
        if fault is not None:
            self.counts.retries += 1
            if not isinstance(fault, ApplianceError):
                _logger.error("a batch from Kafka was not stored", reason=type(fault).__name__)
            return False
        receipt, taken = batch.future.result(), batch.taken
        if receipt.fenced:
            self.counts.fenced += 1
            return False
        self.counts.messages += taken.messages
        self.counts.events += receipt.accepted
        self.counts.duplicates += receipt.duplicates
        self.counts.poison += len(taken.dead_letters)
        self.counts.nulls += taken.nulls
        self.counts.size_bytes += taken.size_bytes
        return True

    def _place(self) -> None:
        """Find out where to read the partitions of which that isn't known, and begin there."""
        now = self.clock.monotonic()
        waiting = [
            owned
            for owned in self.ownership.all()
            if not owned.ready and not owned.under_way and owned.not_before <= now
        ]
        if not waiting:
            return
        partitions = [owned.partition for owned in waiting]
        try:
            ranges, committed = self.client.ranges(partitions), self.client.committed(partitions)
        except KafkaFault as fault:
            self.health.failed(fault.message)
            for owned in waiting:
                owned.rewind(self.clock.monotonic() + 1.0)
            return
        for owned in waiting:
            there = ranges[owned.partition]
            stored = self.ownership.stored(owned.partition)
            found = start(stored, committed.get(owned.partition), there, self.own_id)
            self._remark(owned, found)
            owned.expected, owned.at, owned.end, owned.first = stored, found.at, there.end, found.at.next
            self.client.begin(owned.partition, found.at.next)
            owned.ready = owned.placed = True
        self._heard()
        self.health.measure(self.ownership.all(), self.ownership)

    def _remark(self, owned: Owned, found: Start) -> None:
        topic, number = owned.partition
        if found.remark == "expired":
            self.counts.expired += found.missed
            _logger.warning(
                "Kafka let messages go before they were read", topic=topic, partition=number, messages=found.missed
            )
        elif found.remark:
            self.counts.restarts += 1
            what = "the topic was made anew" if found.remark == "made_anew" else "the partition lost its end"
            _logger.warning("a partition begins anew", why=what, topic=topic, partition=number, offset=found.at.next)

    def _commit(self) -> None:
        """Tell Kafka, at most every second, how far the log is."""
        now = self.clock.monotonic()
        if now < self._next_commit:
            return
        self._next_commit = now + _COMMIT_SECONDS
        reached = self.ownership.durable(self.ownership.all())
        news = {each: offset for each, offset in reached.items() if self._committed.get(each) != offset}
        if not news:
            return
        answer = self.client.commit(news)
        if answer is not None:
            self._committed |= news
            answer.add_errback(lambda _: self._committed.clear())

    def _watch(self) -> None:
        now = self.clock.monotonic()
        if now < self._next_watch:
            return
        self._next_watch = now + _WATCH_SECONDS
        parts = self.ownership.all()
        for owned in parts:
            owned.end = max(owned.end, self.client.highwater(owned.partition) or 0) if owned.ready else owned.end
            topic_id = self.client.topic_id(owned.partition[0])
            if owned.ready and topic_id and owned.at.topic_id and topic_id != owned.at.topic_id:
                owned.rewind(now)
        if self.health.error is WAITING:
            self._heard()
        self.health.measure(parts, self.ownership)
        if self.health.is_silent():
            self._ask()

    def _heard(self) -> None:
        if self.ownership.assigned and all(owned.placed for owned in self.ownership.all()):
            self.health.heard()
        else:
            self.health.waiting()

    def _ask(self) -> None:
        try:
            self.client.ping()
        except KafkaFault as fault:
            self.health.failed(fault.message)
            return
        self._heard()
        missing = self.client.missing(self.settings.topics)
        if missing and missing != self._missing:
            _logger.info("topics that do not exist yet are waited for", topics=missing)
        self._missing = missing


def _is_full(under_way: list[UnderWay]) -> bool:
    messages = sum(batch.taken.messages for batch in under_way)
    return messages >= MOST_MESSAGES or sum(batch.taken.size_bytes for batch in under_way) >= MOST_BYTES
