"""Events from a real Kafka: what arrives, how often, and what the log and Kafka say of it."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.service_check import services
from appliance.config import Settings
from appliance.config.kafka import KafkaSettings
from appliance.log.duckdb_log import LogOptions
from appliance.log.protocol import Offset
from tests.integration.kafka_support import (
    Taking,
    committed,
    create_topic,
    delete_before,
    delete_topic,
    event,
    produce,
    producer,
    reading,
    unique,
    wait_until,
)
from tests.services.kafka import PASSWORD, USER, Kafka

# the library leaves it to the garbage collector to close what could not be connected
pytestmark = pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def topic(kafka: Kafka) -> str:
    return create_topic(kafka.address)


@pytest.fixture
def taking(kafka: Kafka, topic: str, tmp_path: Path) -> Iterator[Taking]:
    with Taking(tmp_path / "data", reading(kafka.address, [topic])) as made:
        yield made


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(kafka: Kafka, topic: str, taking: Taking, codec: str | None) -> None:
    """Compressed by whatever a producer uses, each event comes once, in the partition's order."""
    produce(kafka.address, topic, map(event, range(3_000)), compression_type=codec, batch_size=65_536)
    taking.wait_for(3_000)

    found = taking.rows("SELECT json_extract(properties, '$.n')::INT, source FROM events ORDER BY seq")
    assert [(n, "kafka") for n in range(3_000)] == found


def test_poison_is_kept_aside_and_duplicates_are_known(kafka: Kafka, topic: str, taking: Taking) -> None:
    """What is no event goes to the dead letters with its place; an id that came before isn't stored again."""
    again = event(1, event_id=str(uuid.uuid4()))
    bad = b'{"event_type":"Bad","user_id":"u"}'
    array = b"[" + event(2) + b"," + bad + b"," + event(3) + b"]"
    produce(kafka.address, topic, [again, b"poison", again, None, array, b"\xff\xfe", event(4)])
    taking.wait_messages(7)

    assert [1, 2, 3, 4] == taking.numbers()
    letters = taking.rows("SELECT origin, code, payload, source FROM dead_letters ORDER BY origin")
    assert [
        (f"{topic}/0/1", "invalid_json", b"poison", "kafka"),
        (f"{topic}/0/4/1", "bad_event_type", bad, "kafka"),
        (f"{topic}/0/5", "invalid_json", b"\xff\xfe", "kafka"),
    ] == letters
    counts = taking.ingest.counts
    assert (7, 4, 1, 3, 1) == (counts.messages, counts.events, counts.duplicates, counts.poison, counts.nulls)


def test_kafka_learns_how_far_the_log_is(kafka: Kafka, topic: str, taking: Taking) -> None:
    """Committed under the log's own name within seconds, so that Kafka's tools show no lag."""
    produce(kafka.address, topic, map(event, range(10)))
    taking.wait_for(10)
    group = taking.kafka.group_id
    wait_until(lambda: (told := committed(kafka.address, group, topic)) is not None and told.offset == 10)

    assert taking.log.kafka_offsets.consumer_id == committed(kafka.address, group, topic).metadata
    taking.wait_caught_up()
    assert 0.0 == taking.ingest.status().lag_seconds


def test_a_restart_goes_on_where_the_log_stands(kafka: Kafka, topic: str, taking: Taking) -> None:
    """Not where Kafka was told; and again from a backup's place when the log is put back to one."""
    produce(kafka.address, topic, map(event, range(100)))
    taking.wait_for(100)
    taking.stop()
    taking.log.close()
    backup = {path.name: path.read_bytes() for path in taking.folder.iterdir() if path.is_file()}
    taking.start()
    produce(kafka.address, topic, map(event, range(100, 200)))
    taking.wait_for(200)
    assert list(range(200)) == taking.numbers()
    taking.stop()
    for path in taking.folder.iterdir():
        if path.is_file():
            path.unlink()
    for name, content in backup.items():
        (taking.folder / name).write_bytes(content)
    taking.start()
    taking.wait_for(200)

    assert list(range(200)) == taking.numbers()


def test_topics_may_come_later(kafka: Kafka, tmp_path: Path) -> None:
    """One that doesn't exist is waited for in silence, and read from its first message when it is made."""
    name, there = unique(), create_topic(kafka.address)
    produce(kafka.address, there, [event(1)])
    with Taking(tmp_path / "data", reading(kafka.address, [name, there])) as taking:
        taking.wait_for(1)
        assert "up" == taking.ingest.status().state
        create_topic(kafka.address, 3, name)
        produce(kafka.address, name, map(event, range(2, 50)))
        taking.wait_for(49)

        assert list(range(1, 50)) == taking.numbers()


def test_a_broker_that_goes_and_comes_back(kafka: Kafka, topic: str, taking: Taking) -> None:
    """Its absence is told in words, and nothing is lost or doubled by it."""
    produce(kafka.address, topic, map(event, range(500)))
    taking.wait_for(500)
    kafka.kill()
    wait_until(lambda: taking.ingest.status().state == "down")
    assert taking.ingest.status().error
    kafka.start()
    produce(kafka.address, topic, map(event, range(500, 1_000)))
    taking.wait_for(1_000)

    assert list(range(1_000)) == taking.numbers()
    assert ("up", None) == (taking.ingest.status().state, taking.ingest.status().error)


def test_no_broker_at_the_start(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """The start isn't held up, stopping neither, and reading begins when it is there."""
    produce(kafka.address, topic, [event(1)])
    kafka.stop()
    with Taking(tmp_path / "data", reading(kafka.address, [topic])) as taking:
        wait_until(lambda: "no broker answers" in (taking.ingest.status().error or ""))
        taking.stop()
        taking.start()
        kafka.start()
        taking.wait_for(1)

        assert [1] == taking.numbers()


def test_a_broker_that_hangs_does_not_hold_up_the_stop(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """With connections open and no answers, the consumer says so and ends within bounds."""
    produce(kafka.address, topic, [event(1)])
    with Taking(tmp_path / "data", reading(kafka.address, [topic])) as taking:
        taking.wait_for(1)
        kafka.pause()
        wait_until(lambda: taking.ingest.status().state == "down")

        assert taking.ingest.stop(15)


def test_a_full_disk_in_between(kafka: Kafka, topic: str, taking: Taking) -> None:
    """What the log can't take is read again when it can: the membership lasts, nothing is lost or doubled."""
    produce(kafka.address, topic, map(event, range(100)))
    taking.wait_for(100)
    rebalances = taking.ingest.counts.rebalances
    has_room = taking.log.space._has_room
    taking.log.space._has_room = lambda: False  # type: ignore[method-assign]
    produce(kafka.address, topic, map(event, range(100, 400)))
    wait_until(lambda: taking.ingest.counts.retries >= 2)
    assert 100 == taking.count()
    taking.log.space._has_room = has_room  # type: ignore[method-assign]
    taking.wait_for(400)

    assert list(range(400)) == taking.numbers()
    assert rebalances == taking.ingest.counts.rebalances


def test_what_kafka_let_go_is_told(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """Reading goes on with the first message that is there, and the missing ones are counted."""
    settings = reading(kafka.address, [topic])
    produce(kafka.address, topic, map(event, range(10)))
    with Taking(tmp_path / "data", settings) as taking:
        taking.wait_for(10)
        taking.stop()
        produce(kafka.address, topic, map(event, range(10, 40)))
        delete_before(kafka.address, topic, 30)
        taking.start()
        taking.wait_for(20)

        assert [*range(10), *range(30, 40)] == taking.numbers()
        assert 20 == taking.ingest.counts.expired


@pytest.mark.parametrize("while_running", [True, False])
def test_a_topic_made_anew_is_another_one(kafka: Kafka, topic: str, tmp_path: Path, while_running: bool) -> None:
    """Its messages are not taken for those of before, whose offsets they bear, and each is stored once."""
    settings = reading(kafka.address, [topic])
    produce(kafka.address, topic, map(event, range(20)))
    with Taking(tmp_path / "data", settings) as taking:
        taking.wait_for(20)
        if not while_running:
            taking.stop()
        delete_topic(kafka.address, topic)
        _create_again(kafka, topic)
        produce(kafka.address, topic, map(event, range(20, 60)))
        if not while_running:
            taking.start()
        taking.wait_for(60)

        assert list(range(60)) == taking.numbers()
        stands = taking.log.kafka_offsets.stored(settings.group_id, topic, 0)
        assert stands is not None
        assert Offset(40, stands.topic_id, 1) == stands


def _create_again(kafka: Kafka, topic: str) -> None:
    def done() -> bool:
        try:
            create_topic(kafka.address, name=topic)
        except Exception:  # noqa: BLE001 - the old one goes in its own time
            return False
        return True

    wait_until(done)


def test_aborted_transactions_were_never_said(kafka: Kafka, topic: str, taking: Taking) -> None:
    """Only what a producer committed is an event, and the markers in between leave no lag."""
    with producer(kafka.address, transactional_id=unique("tx")) as sending:
        sending.init_transactions()
        for number, ends in enumerate(["commit", "abort", "commit"]):
            sending.begin_transaction()
            for each in range(3):
                sending.send(topic, event(10 * number + each))
            sending.flush()
            (sending.commit_transaction if ends == "commit" else sending.abort_transaction)()
    taking.wait_for(6)
    taking.wait_caught_up()

    assert [0, 1, 2, 20, 21, 22] == taking.numbers()


def test_a_login_is_used_and_a_wrong_one_is_told_without_its_secret(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """SASL with the right password reads; with a wrong one the status says what to look at."""
    produce(kafka.address, topic, [event(1)])
    login: dict[str, Any] = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": USER}
    settings = reading(kafka.sasl_address, [topic], **login, sasl_password=PASSWORD)
    with Taking(tmp_path / "data", settings) as taking:
        taking.wait_for(1)
    wrong: KafkaSettings = reading(kafka.sasl_address, [topic], **login, sasl_password="wrong-secret")
    with Taking(tmp_path / "other", wrong) as taking:
        wait_until(lambda: "refuses the login" in (taking.ingest.status().error or ""), taking.ingest.status)
        assert "wrong-secret" not in (taking.ingest.status().error or "")


def test_large_messages_pass(kafka: Kafka, topic: str, taking: Taking) -> None:
    """An array of as much as a broker takes by default comes as its events."""
    array = b"[" + b",".join(event(number, session_id="s" * 200) for number in range(2_500)) + b"]"
    assert 700_000 < len(array) < 1_000_000
    produce(kafka.address, topic, [array, event(2_500)])
    taking.wait_for(2_501)

    assert list(range(2_501)) == taking.numbers()


def test_a_small_log_option_is_used(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """A log without room from the beginning takes nothing, and its lag tells."""
    produce(kafka.address, topic, map(event, range(5)))
    options = LogOptions(min_free_bytes=1 << 60)
    with Taking(tmp_path / "data", reading(kafka.address, [topic]), options) as taking:
        wait_until(lambda: taking.ingest.status().lag_events == 5 and taking.ingest.counts.retries > 0)

        assert (0, "up") == (taking.count(), taking.ingest.status().state)


def test_the_check_asks_the_real_service(kafka: Kafka, topic: str) -> None:
    """It tells topics that don't exist, a refused login and a broker that isn't there, and makes no topic."""
    missing = unique()

    def found(**settings: Any) -> tuple[str, str, str]:
        (finding,) = services(Settings(kafka=KafkaSettings(**settings)))
        return finding.status, finding.message, finding.remedy or ""

    there = {"bootstrap_servers": [kafka.address]}
    assert ("ok", "1 topics, 1 partitions", "") == found(**there, topics=[topic])
    status, message, remedy = found(**there, topics=[topic, missing])
    assert ("warning", f"these topics do not exist: {missing}") == (status, message)
    assert "kafka.topics" in remedy
    assert ("warning", f"these topics do not exist: {missing}") == found(**there, topics=[topic, missing])[:2]
    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": USER, "sasl_password": "wrong-secret"}
    status, message, _ = found(bootstrap_servers=[kafka.sasl_address], topics=[topic], **login)
    assert "failed" == status
    assert "kafka.sasl_password" in message
    assert "wrong-secret" not in message
    assert "failed" == found(bootstrap_servers=["127.0.0.1:1"], topics=[topic])[0]
