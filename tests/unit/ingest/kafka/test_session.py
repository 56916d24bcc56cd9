"""One membership over a Kafka that is a list: whatever goes wrong, nothing is lost or doubled by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.config import Settings
from appliance.config.kafka import KafkaSettings
from appliance.errors import StorageFull
from appliance.ingest.intake import Decoder
from appliance.ingest.kafka.chunk import Broken, Chunk, Message
from appliance.ingest.kafka.client import Misplaced, NotAllowed, Partition
from appliance.ingest.kafka.counts import KafkaCounts
from appliance.ingest.kafka.health import Health
from appliance.ingest.kafka.messages import MessageDecoder
from appliance.ingest.kafka.owned import Ownership
from appliance.ingest.kafka.place import Committed, Range
from appliance.ingest.kafka.session import Session
from appliance.ingest.kafka.words import KafkaFault
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch, Offset, OffsetMove
from appliance.log.writer import Writer
from appliance.testing import START_US, SettableClock

_PART: Partition = ("t", 0)


@dataclass
class Answer:
    """The library's promise of an answer; it fails when the test says so."""

    failed: list[Callable[[Exception], object]] = field(default_factory=list)

    def add_errback(self, call: Callable[[Exception], object]) -> None:
        self.failed.append(call)


@dataclass
class FakeClient:
    """The broker and the library at once; the tests turn its attributes."""

    messages: list[bytes | None] = field(default_factory=list)
    first: int = 0
    topic_ids: str = "A"
    at: dict[Partition, int] = field(default_factory=dict)
    told: Committed | None = None
    commits: list[Mapping[Partition, int]] = field(default_factory=list)
    answer: Answer = field(default_factory=Answer)
    readable: Collection[Partition] = ()
    fault: Exception | None = None
    broken_at: int | None = None
    at_once: int = 10
    lead: int = 0
    """Polls bring what stands so many messages before the place, as an answer does that was under way."""

    def poll(self, timeout_ms: int, readable: Collection[Partition]) -> list[Chunk]:
        self.readable = readable
        if self.fault is not None:
            raise self.fault
        return [chunk for each in readable for chunk in self._read(each)]

    def begin(self, partition: Partition, offset: int) -> None:
        self.at[partition] = offset

    def ranges(self, partitions: Collection[Partition]) -> dict[Partition, Range]:
        return {each: Range(self.first, len(self.messages), self.topic_ids) for each in partitions}

    def committed(self, partitions: Collection[Partition]) -> dict[Partition, Committed]:
        return {each: self.told for each in partitions if self.told is not None}

    def commit(self, offsets: Mapping[Partition, int]) -> Any:
        self.commits.append(offsets)
        return self.answer

    def highwater(self, _: Partition) -> int | None:
        return len(self.messages)

    def topic_id(self, _: str) -> str:
        return self.topic_ids

    def missing(self, _: Collection[str]) -> list[str]:
        return []

    def ping(self) -> None:
        """It is there."""

    def close(self, _: float) -> None:
        """Nothing is held."""

    def _read(self, partition: Partition) -> Iterator[Chunk]:
        place = self.at[partition] - self.lead
        end = min(len(self.messages), place + self.at_once)
        if place >= end:
            return
        self.at[partition] = end
        broken = self.broken_at if self.broken_at is not None and place <= self.broken_at < end else None
        found = [
            Message(n, START_US // 1_000, None, self.messages[n])
            for n in range(place, end if broken is None else broken)
        ]
        if found or broken is None:
            yield Chunk("t", 0, found[-1].offset + 1 if broken is not None else end, found)
        if broken is not None:
            self.at[partition] = broken + 1
            yield Chunk("t", 0, broken + 1, broken=Broken(broken, "the checksum does not match", b"raw"))


class Stage:
    """A session over the fake, its log in memory, and time that is moved by hand."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.log = DuckDBLog(None, self.clock)
        self.writer = Writer(self.log, self.clock)
        self.writer.start()
        self.client = FakeClient()
        self.counts = KafkaCounts()
        self.health = Health(self.clock)
        self.ownership = Ownership("g", self.log.kafka_offsets, self.writer, self.counts)
        decoder = MessageDecoder(Decoder(Settings(), self.clock))
        settings = KafkaSettings(topics=["t"])
        self.session = Session(
            settings,
            self.client,  # type: ignore[arg-type]
            decoder,
            self.ownership,
            self.health,
            self.counts,
            self.clock,
            "own",
        )

    def produce(self, *numbers: int) -> None:
        self.client.messages += [_event(number) for number in numbers]

    def turn(self, times: int = 1) -> None:
        """So many turns of the loop, each with its writes done and a second after the one before."""
        for _ in range(times):
            done = iter([False, True])
            self.session.run(lambda: next(done))  # noqa: B023 - used before the next one is made
            for batch in [each for owned in self.ownership.all() for each in owned.under_way]:
                batch.future.exception(timeout=10)
            self.clock.advance(1.1)

    def numbers(self) -> list[int]:
        found = self.log.read(None, 10_000)[0].column("properties").to_pylist()
        return [json.loads(properties)["n"] for properties in found]

    def close(self) -> None:
        self.writer.stop()
        self.log.close()


def _event(number: int) -> bytes:
    return json.dumps({"event_type": "email_opened", "user_id": "u", "properties": {"n": number}}).encode()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def _stands(stage: Stage) -> Offset | None:
    return stage.log.kafka_offsets.stored("g", "t", 0)


def test_what_comes_is_stored_and_told(stage: Stage) -> None:
    """Read from the first message on; Kafka is told once a second, and not again what it knows."""
    stage.produce(*range(25))
    stage.ownership.assign([_PART])
    stage.turn(6)

    assert list(range(25)) == stage.numbers()
    assert Offset(25, "A") == _stands(stage)
    assert {_PART: 25} == stage.client.commits[-1]
    assert len(stage.client.commits) == len({commit[_PART] for commit in stage.client.commits})
    assert ("up", 0) == (stage.health.status().state, stage.health.status().lag_events)


def test_a_commit_that_failed_is_made_again(stage: Stage) -> None:
    """Kafka's answer comes later; what it refused is told again with the next."""
    stage.produce(1)
    stage.ownership.assign([_PART])
    stage.turn(4)
    assert [{_PART: 1}] == stage.client.commits
    stage.client.answer.failed[0](KafkaFault("the coordinator has moved"))
    stage.turn(1)

    assert [{_PART: 1}] * 2 == stage.client.commits


def test_a_full_disk_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the log refuses is read again from where it stands, later each time; polls go on meanwhile."""
    stage.produce(*range(35))
    stage.ownership.assign([_PART])
    append, refusals = stage.log.append, 0

    def refuse(batches: list[Batch]) -> Any:
        nonlocal refusals
        if refusals < 5:
            refusals += 1
            raise StorageFull
        return append(batches)

    monkeypatch.setattr(stage.log, "append", refuse)
    stage.turn(40)

    assert list(range(35)) == stage.numbers()
    assert 5 == stage.counts.retries
    assert 35 == stage.counts.messages


def test_another_writer_to_the_same_log_fences_this_one(stage: Stage) -> None:
    """Whoever is behind finds the log elsewhere, stores nothing, and goes on from there."""
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    stage.turn(3)
    other = OffsetMove("g", "t", 0, _stands(stage), Offset(15, "A"))
    stage.writer.submit(Batch([], offsets=[other])).result(10)
    stage.produce(*range(10, 20))
    stage.turn(6)

    assert [*range(10), *range(15, 20)] == stage.numbers()
    assert 1 == stage.counts.fenced


def test_kafka_is_not_told_to_go_back(stage: Stage) -> None:
    """Where another log is further, reading begins behind it, and nothing is committed until this one is there."""
    stage.writer.submit(Batch([], offsets=[OffsetMove("g", "t", 0, None, Offset(5, "A"))])).result(10)
    stage.client.told = Committed(8, "another")
    stage.produce(*range(8))
    stage.ownership.assign([_PART])
    stage.turn(4)
    assert [] == stage.client.commits
    assert 0 == stage.health.status().lag_events
    assert {} == stage.ownership.release([_PART]).durable()
    stage.ownership.assign([_PART])
    stage.produce(8, 9)
    stage.turn(4)

    assert [8, 9] == stage.numbers()
    assert [{_PART: 10}] == stage.client.commits


def test_a_partition_taken_away_is_written_to_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken away between reading and handing over: what was read is dropped."""
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    submit = stage.ownership.submit

    def taken_away(*arguments: Any) -> bool:
        stage.ownership.release([_PART])
        return submit(*arguments)

    monkeypatch.setattr(stage.ownership, "submit", taken_away)
    stage.turn(3)

    assert [] == stage.numbers()
    assert _stands(stage) is None


def test_what_is_on_its_way_when_a_partition_goes_counts(stage: Stage) -> None:
    """The one who takes over is told of it once it is durable."""
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    stage.turn(1)
    leaving = stage.ownership.release([_PART])
    stage.turn(1)

    assert leaving.is_settled()
    assert {_PART: 10} == leaving.durable()
    assert 10 == stage.counts.messages


def test_records_that_stay_unreadable_are_passed(stage: Stage) -> None:
    """Read three times, since the way may have been to blame; then they leave a dead letter, and the rest is read."""
    stage.client.broken_at = 4
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    stage.turn(2)
    assert list(range(4)) == stage.numbers()
    stage.turn(20)

    assert [n for n in range(10) if n != 4] == stage.numbers()
    assert 1 == stage.log.dead_letters.stock.rows
    assert Offset(10, "A") == _stands(stage)


def test_a_place_that_is_gone_is_found_anew(stage: Stage) -> None:
    """When Kafka says that there is nothing there, the range is asked for again."""
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    stage.turn(3)
    stage.client.fault = Misplaced()
    stage.turn(1)
    stage.client.fault = None
    stage.client.first = 15
    stage.produce(*range(10, 20))
    stage.turn(6)

    assert [*range(10), *range(15, 20)] == stage.numbers()
    assert 5 == stage.counts.expired


def test_a_topic_made_anew_under_way_is_noticed(stage: Stage) -> None:
    """Its id changes; it is read from its beginning, its offsets told apart."""
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    stage.turn(3)
    stage.client.messages, stage.client.topic_ids = [], "B"
    stage.produce(*range(20, 40))
    stage.client.at[_PART] = 20
    stage.turn(8)

    assert [*range(10), *range(20, 40)] == stage.numbers()
    assert Offset(20, "B", 1) == _stands(stage)
    assert 1 == stage.counts.restarts


def test_an_answer_of_before_is_dropped(stage: Stage) -> None:
    """What stands before the place is not taken for what follows it."""
    stage.produce(*range(10))
    stage.ownership.assign([_PART])
    stage.turn(3)
    stage.produce(*range(10, 13))
    stage.client.lead = 5
    stage.turn(2)
    assert list(range(10)) == stage.numbers()
    stage.client.lead = 0
    stage.client.at[_PART] = 10
    stage.turn(2)

    assert list(range(13)) == stage.numbers()


def test_a_topic_that_may_not_be_read_is_told(stage: Stage) -> None:
    """In words; reading goes on when it may."""
    stage.produce(1)
    stage.ownership.assign([_PART])
    stage.turn(1)
    stage.client.fault = NotAllowed("the login may not read the topic t")
    stage.turn(1)
    assert "the login may not read the topic t" == stage.health.status().error
    stage.client.fault = None
    stage.turn(4)

    assert ("up", [1]) == (stage.health.status().state, stage.numbers())


def test_silence_is_asked_about(stage: Stage) -> None:
    """After some seconds without a message a question shows whether the broker is there; its return shows too."""
    stage.ownership.assign([_PART])
    stage.turn(2)
    stage.client.fault = None
    ping, stage.client.ping = stage.client.ping, _unreachable  # type: ignore[method-assign]
    stage.turn(6)
    assert ("down", "no broker answers") == (stage.health.status().state, stage.health.status().error)
    stage.client.ping = ping  # type: ignore[method-assign]
    stage.turn(2)

    assert ("up", None) == (stage.health.status().state, stage.health.status().error)


def _unreachable() -> None:
    raise KafkaFault("no broker answers")


def test_lag_is_that_of_the_log(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that the log doesn't hold, and the age of the last one it does; nothing when it is caught up."""
    stage.produce(*range(30))
    stage.ownership.assign([_PART])
    stage.turn(2)
    append = stage.log.append

    def refuse(_: list[Batch]) -> Any:
        raise StorageFull

    monkeypatch.setattr(stage.log, "append", refuse)
    stage.turn(20)
    status = stage.health.status()
    assert 30 - (_stands(stage) or Offset(0)).next == status.lag_events
    assert 15 < status.lag_seconds < 60
    monkeypatch.setattr(stage.log, "append", append)
    stage.turn(30)

    assert (0, 0.0) == (stage.health.status().lag_events, stage.health.status().lag_seconds)
