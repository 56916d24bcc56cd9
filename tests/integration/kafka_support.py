"""A real broker's topics, and the consumer over a real log: for tests of what lies between."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from appliance.clock import SystemClock
from appliance.config import Settings
from appliance.config.kafka import KafkaSettings
from appliance.ingest.intake import Decoder
from appliance.ingest.kafka.consumer import KafkaIngest
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.writer import Writer

WAIT_SECONDS = 60.0


def event(number: int, **fields: Any) -> bytes:
    """An event that says which it is."""
    told = {"event_type": "email_opened", "user_id": f"u{number}", "properties": {"n": number}} | fields
    return json.dumps(told).encode()


def unique(word: str = "t") -> str:
    return f"{word}-{uuid.uuid4().hex[:12]}"


def create_topic(address: str, partitions: int = 1, name: str | None = None) -> str:
    name = name or unique()
    with _admin(address) as admin:
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    return name


def delete_topic(address: str, name: str) -> None:
    with _admin(address) as admin:
        admin.delete_topics([name])


def delete_before(address: str, topic: str, offset: int) -> None:
    """As retention does: the messages before ``offset`` are gone."""
    with _admin(address) as admin:
        admin.delete_records({TopicPartition(topic, 0): offset})


@contextmanager
def _admin(address: str) -> Iterator[Any]:
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        yield admin
    finally:
        admin.close()


def produce(address: str, topic: str, values: Iterable[bytes | None], **options: Any) -> None:
    """Send, one message a value, and wait until the broker has them all."""
    with producer(address, **options) as sending:
        sent = [sending.send(topic, value, key=b"k" if value is None else None) for value in values]
        for each in sent:
            each.get(timeout=60)


@contextmanager
def producer(address: str, **options: Any) -> Iterator[Any]:
    made = KafkaProducer(bootstrap_servers=address, **{"acks": "all", "linger_ms": 5, **options})
    try:
        yield made
    finally:
        made.close()


def committed(address: str, group: str, topic: str, partition: int = 0) -> Any:
    """What Kafka's own tools see of the group."""
    asking = KafkaConsumer(bootstrap_servers=address, group_id=group, enable_auto_commit=False)
    try:
        return asking.committed(TopicPartition(topic, partition), metadata=True)
    finally:
        asking.close()


def wait_until(
    condition: Callable[[], bool], what: Callable[[], object] = lambda: "", seconds: float = WAIT_SECONDS
) -> None:
    """Fails with ``what`` when it doesn't come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what()}"
        time.sleep(0.02)


@dataclass
class Taking:
    """A log, its writer, and the consumer that reads Kafka into it; restarted it keeps its log."""

    folder: Path
    kafka: KafkaSettings
    options: LogOptions = field(default_factory=LogOptions)
    is_open: bool = False

    def __enter__(self) -> Taking:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Taking:
        clock = SystemClock()
        self.log = DuckDBLog(self.folder, clock, self.options)
        self.writer = Writer(self.log, clock)
        self.writer.start()
        decoder = Decoder(Settings(kafka=self.kafka), clock, self.log.custom_types)
        self.ingest = KafkaIngest(self.kafka, decoder, self.log.kafka_offsets, self.writer, clock)
        self.ingest.start()
        self.is_open = True
        return self

    def stop(self) -> None:
        if self.is_open:
            self.is_open = False
            self.ingest.stop(10)
            self.writer.stop()
            self.log.close()

    def numbers(self) -> list[int]:
        """Which events the log holds, each as often as it does, sorted."""
        return sorted(int(n) for (n,) in self.rows("SELECT json_extract(properties, '$.n') FROM events"))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.log.reader() as cursor:
            return cursor.execute(sql).fetchall()

    def count(self) -> int:
        return self.log.tail().seq

    def wait_for(self, events: int, seconds: float = WAIT_SECONDS) -> None:
        wait_until(
            lambda: self.count() >= events, lambda: (self.count(), self.ingest.counts, self.ingest.status()), seconds
        )

    def wait_messages(self, messages: int, seconds: float = WAIT_SECONDS) -> None:
        """Until so many messages are dealt with since it started."""
        told = self.ingest
        wait_until(lambda: told.counts.messages >= messages, lambda: (told.counts, told.status()), seconds)

    def wait_caught_up(self) -> None:
        told = self.ingest
        wait_until(lambda: told.status().state == "up" and told.status().lag_events == 0, told.status)


def reading(address: str, topics: Sequence[str], group: str | None = None, **fields: Any) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=[address], topics=list(topics), group_id=group or unique("g"), **fields)


def remove_quietly(address: str, topic: str) -> None:
    with suppress(Exception):
        delete_topic(address, topic)
