"""Kill the appliance while it reads Kafka, and the broker too, then compare the log with what the topics hold.

The topics are the truth: they are read again, plainly, at the end, and whatever a valid event's id is must be in the
log once, and whatever is poison among the dead letters once.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from appliance.events.keys import uuid5_bytes
from tests.integration.kafka_support import create_topic, unique, wait_until
from tests.process import ApplianceProcess
from tests.services.kafka import Kafka

_POISON_EVERY: Final = 1_000
_DUPLICATES: Final = 0.01
_UNNAMED: Final = 0.2
"""The part of the events that bring no id and are named after their place."""
_RESTLESS: Final = {
    "APPLIANCE__LOG__CHECKPOINT_WAL_BYTES": str(2 * 1024 * 1024),
    "APPLIANCE__METRICS__CALCULATION_INTERVAL": "1",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is sent, how often the appliance is killed and the broker restarted, and where."""

    messages: int
    kills: int
    broker_restarts: int
    port: int
    ui_port: int
    partitions: int = 2
    seed: int = 0
    messages_per_second: int = 20_000


@dataclass(slots=True)
class Outcome:
    """What came of it; ``faults`` is empty when the promise was kept."""

    messages: int = 0
    valid: int = 0
    poison: int = 0
    duplicates: int = 0
    """Messages whose event's id had come before."""
    kills: int = 0
    kills_while_starting: int = 0
    broker_restarts: int = 0
    stored: int = 0
    dead_letters: int = 0
    seconds_to_catch_up: int = 0
    faults: list[str] = field(default_factory=list)


class KafkaKillLoop:
    """One run of ``Plan`` in ``folder``, which is empty and keeps the data afterwards."""

    def __init__(self, plan: Plan, kafka: Kafka, folder: Path) -> None:
        self._plan = plan
        self._kafka = kafka
        self._random = random.Random(plan.seed)
        self._topics = [create_topic(kafka.address, plan.partitions, unique("events")) for _ in range(2)]
        self._outcome = Outcome()
        environment = {
            "APPLIANCE__KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            "APPLIANCE__KAFKA__TOPICS": ",".join(self._topics),
            "APPLIANCE__KAFKA__GROUP_ID": unique("group"),
            "APPLIANCE__INGEST__DEAD_LETTER_MAX_ROWS": str(1_000_000),
            **_RESTLESS,
        }
        self._appliance = ApplianceProcess(
            folder / "data", port=plan.port, ui_port=plan.ui_port, output=folder / "output.txt", environment=environment
        )

    def run(self) -> Outcome:
        """Send, kill and restart; returns when the log has been compared."""
        sender = threading.Thread(target=self._send, name="sender", daemon=True)
        with self._appliance:
            self._appliance.start()
            sender.start()
            self._harm()
            sender.join()
            began = time.monotonic()
            self._await_the_end()
            self._outcome.seconds_to_catch_up = round(time.monotonic() - began)
            if self._appliance.stop() != 0:
                self._outcome.faults.append(f"it did not end well: {self._appliance.last_words()}")
        self._compare()
        return self._outcome

    def _harm(self) -> None:
        """Kills and restarts in random order, at random moments."""
        acts = [self._kill] * self._plan.kills + [self._restart_broker] * self._plan.broker_restarts
        self._random.shuffle(acts)
        for act in acts:
            act()

    def _kill(self) -> None:
        chance = self._random.random()
        if chance > 0.2:
            self._appliance.wait_ready()
        if chance > 0.4:
            # the group waits for the one that was killed before it gives anything to this one
            with suppress(AssertionError):
                wait_until(lambda: self._part()["status"] == "up", seconds=15)
        time.sleep(self._random.uniform(0.0, 2.0))
        self._outcome.kills_while_starting += not self._appliance.is_ready()
        self._appliance.kill()
        self._outcome.kills += 1
        self._appliance.start()

    def _restart_broker(self) -> None:
        time.sleep(self._random.uniform(0.0, 1.0))
        if self._random.random() < 0.5:
            self._kafka.kill()
        else:
            self._kafka.stop()
        time.sleep(self._random.uniform(0.0, 2.0))
        self._kafka.start()
        self._outcome.broker_restarts += 1

    def _send(self) -> None:
        """Every message reaches the broker at least once, whatever the broker does; the topics tell how often."""
        for part in _parts(self._plan.messages, 2_000):
            began = time.monotonic()
            values = [(number, self._value(number)) for number in part]
            while values:
                values = self._send_part(values)
            time.sleep(max(0.0, len(part) / self._plan.messages_per_second - (time.monotonic() - began)))

    def _send_part(self, values: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """What could not be sent."""
        try:
            producer = KafkaProducer(
                bootstrap_servers=self._kafka.address,
                acks="all",
                linger_ms=5,
                compression_type="lz4",
                request_timeout_ms=5_000,
            )
        except Exception:  # noqa: BLE001 - the broker is away
            time.sleep(0.2)
            return values
        try:
            sent = [
                (
                    each,
                    producer.send(self._topics[each[0] % 2], each[1], partition=each[0] // 2 % self._plan.partitions),
                )
                for each in values
            ]
            producer.flush(timeout=10)
        except Exception:  # noqa: BLE001 - as above
            return values
        finally:
            with suppress(Exception):
                producer.close(timeout=1)
        return [each for each, future in sent if not future.succeeded()]

    def _value(self, number: int) -> bytes:
        if number % _POISON_EVERY == 7:
            return b'{"poison": %d' % number if number % 2 else json.dumps({"event_type": "NO", "n": number}).encode()
        chance = random.Random(number)
        told: dict[str, Any] = {
            "event_type": "email_opened",
            "user_id": f"u{number % 5_000}",
            "properties": {"n": number},
        }
        if chance.random() < _DUPLICATES and number > 100:
            told["event_id"] = _name(chance.randrange(number - 100, number))
        elif chance.random() >= _UNNAMED:
            told["event_id"] = _name(number)
        return json.dumps(told).encode()

    def _await_the_end(self) -> None:
        self._appliance.wait_ready()

        def is_at_the_end() -> bool:
            part = self._part()
            return bool(part["status"] == "up" and part["lag_events"] == 0)

        # lag is looked at twice a second: once more, so that it isn't that of before the first assignment
        for _ in range(4):
            wait_until(is_at_the_end, self._part, 600)
            time.sleep(1)

    def _part(self) -> dict[str, Any]:
        """How it says that it stands."""
        with suppress(OSError, ValueError, KeyError):
            found: dict[str, Any] = json.loads(self._appliance.get("/ready")[1])["parts"]["kafka"]
            return found
        return {"status": "", "lag_events": -1}

    def _compare(self) -> None:
        outcome = self._outcome
        valid: set[bytes] = set()
        poison: set[bytes] = set()
        for topic, record in self._sent():
            outcome.messages += 1
            place = uuid5_bytes(f"kafka:{topic}:{record.partition}:{record.offset}:0".encode())
            if b'"event_type": "email_opened"' not in record.value:
                poison.add(place)
                continue
            name = json.loads(record.value).get("event_id")
            event_id = uuid.UUID(name).bytes if name else place
            outcome.duplicates += event_id in valid
            valid.add(event_id)
        outcome.valid, outcome.poison = len(valid), len(poison)
        outcome.stored = self._differ("events", "event_id", valid)
        outcome.dead_letters = self._differ("dead_letters", "id", poison)

    def _differ(self, table: str, column: str, expected: set[bytes]) -> int:
        with duckdb.connect(str(self._appliance.data / "events.duckdb"), read_only=True) as connection:
            found = Counter(each.bytes for (each,) in connection.execute(f"SELECT {column} FROM {table}").fetchall())
        faults = {
            "missing from": len(expected - found.keys()),
            "never sent, but in": len(found.keys() - expected),
            "more than once in": sum(count > 1 for count in found.values()),
        }
        self._outcome.faults += [f"{count} {what} {table}" for what, count in faults.items() if count]
        return sum(found.values())

    def _sent(self) -> Iterator[tuple[str, Any]]:
        """Everything that the topics hold."""
        parts = [TopicPartition(topic, number) for topic in self._topics for number in range(self._plan.partitions)]
        reader = KafkaConsumer(bootstrap_servers=self._kafka.address, enable_auto_commit=False)
        try:
            reader.assign(parts)
            reader.seek_to_beginning()
            remaining = {part: end for part, end in reader.end_offsets(parts).items() if end}
            while remaining:
                for part, records in reader.poll(timeout_ms=1_000, max_records=5_000).items():
                    yield from ((part.topic, record) for record in records)
                    if records[-1].offset + 1 >= remaining.get(part, 0):
                        remaining.pop(part, None)
        finally:
            reader.close()


def _name(number: int) -> str:
    return str(uuid.UUID(bytes=uuid5_bytes(f"kill-loop:{number}".encode())))


def _parts(count: int, size: int) -> Iterator[range]:
    for begin in range(0, count, size):
        yield range(begin, min(count, begin + size))
