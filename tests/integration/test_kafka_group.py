"""Two appliances in one consumer group, each with a log of its own: who takes what, and what is in which log."""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.kafka_support import Taking, create_topic, event, produce, reading, wait_until
from tests.process import ApplianceProcess, free_ports
from tests.services.kafka import Kafka

pytestmark = pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")

_PARTITIONS = 4


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def topic(kafka: Kafka) -> str:
    return create_topic(kafka.address, _PARTITIONS)


def _both(one: Taking, other: Taking) -> Counter[int]:
    return Counter(one.numbers()) + Counter(other.numbers())


def test_a_second_one_shares_the_work(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """With events coming in while it joins and while it leaves, each is in exactly one of the two logs."""
    settings = reading(kafka.address, [topic])
    with Taking(tmp_path / "one", settings) as one, Taking(tmp_path / "other", settings) as other:
        numbers = iter(range(1_000_000))
        sent = 0

        def send(count: int) -> None:
            nonlocal sent
            produce(kafka.address, topic, [event(next(numbers)) for _ in range(count)])
            sent += count

        send(2_000)
        wait_until(lambda: one.ingest.counts.rebalances > 0 and other.ingest.counts.rebalances > 0)
        for _ in range(5):
            send(1_000)
        wait_until(lambda: one.count() > 0 and other.count() > 0, lambda: (one.count(), other.count()))
        other.ingest.stop(10)
        for _ in range(3):
            send(1_000)
        wait_until(lambda: one.count() + other.count() >= sent, lambda: (one.count(), other.count(), sent))

        assert dict.fromkeys(range(sent), 1) == dict(_both(one, other))


def test_one_that_comes_back_does_not_take_again_what_the_other_took(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """Its own log is behind, and Kafka tells that another log has what is missing in it."""
    settings = reading(kafka.address, [topic])
    with Taking(tmp_path / "one", settings) as one:
        produce(kafka.address, topic, map(event, range(1_000)))
        one.wait_for(1_000)
        one.ingest.stop(10)
        with Taking(tmp_path / "other", settings) as other:
            produce(kafka.address, topic, map(event, range(1_000, 2_000)))
            other.wait_for(1_000)
            other.stop()
            one.stop()
            one.start()
            produce(kafka.address, topic, map(event, range(2_000, 3_000)))
            one.wait_for(2_000)
            other.start()

            assert [*range(1_000), *range(2_000, 3_000)] == one.numbers()
            assert list(range(1_000, 2_000)) == other.numbers()


@pytest.mark.slow
def test_a_killed_one_loses_nothing_to_the_group(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """The other takes over behind what Kafka was told: all is there, and what is twice, is once in each of the logs."""
    settings = reading(kafka.address, [topic])
    port, ui_port = free_ports()
    environment = {
        "APPLIANCE__KAFKA__BOOTSTRAP_SERVERS": kafka.address,
        "APPLIANCE__KAFKA__TOPICS": topic,
        "APPLIANCE__KAFKA__GROUP_ID": settings.group_id,
    }
    killed = ApplianceProcess(
        tmp_path / "killed", port=port, ui_port=ui_port, output=tmp_path / "output.txt", environment=environment
    )
    with killed, Taking(tmp_path / "other", settings) as other:
        other.wait_caught_up()
        before = other.ingest.counts.rebalances
        killed.start()
        killed.wait_ready()
        wait_until(lambda: other.ingest.counts.rebalances > before)
        for part in range(10):
            produce(kafka.address, topic, map(event, range(1_000 * part, 1_000 * (part + 1))))
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(10)
        produce(kafka.address, topic, map(event, range(10_000, 11_000)))
        with Taking(tmp_path / "killed", reading("127.0.0.1:1", [topic])) as there:
            in_killed = Counter(there.numbers())
        everything = set(range(11_000))
        wait_until(lambda: everything <= in_killed.keys() | set(other.numbers()), other.ingest.status)
        in_other = Counter(other.numbers())

        assert everything == in_killed.keys() | in_other.keys()
        assert {1} == set(in_killed.values()) | set(in_other.values())
        assert in_killed
