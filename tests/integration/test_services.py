"""The real services by themselves: clients talk to them, and they keep what they acknowledged when killed."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import elasticsearch as elasticsearch_client
import psycopg
import pytest
import redis as redis_client
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.elasticsearch import Elasticsearch
from tests.services.fixtures import StartService
from tests.services.kafka import PASSWORD, USER, Kafka
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis
from tests.services.session import Session


def _unique() -> str:
    return f"t{uuid.uuid4().hex}"


def _topic(kafka: Kafka) -> str:
    name = _unique()
    admin = KafkaAdminClient(bootstrap_servers=kafka.address)
    try:
        admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        admin.close()
    return name


def _produce(address: str, topic: str, values: list[bytes], **settings: Any) -> None:
    """Send, and wait until the broker has them all."""
    producer = KafkaProducer(bootstrap_servers=address, acks="all", **settings)
    try:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(timeout=30)
    finally:
        producer.close()


def _consume(address: str, topic: str, count: int, **settings: Any) -> list[bytes]:
    """The first messages of the topic; fewer when no more come for ten seconds."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=10_000, **settings
    )
    try:
        return [message.value for _, message in zip(range(count), consumer, strict=False)]
    finally:
        consumer.close()


@contextmanager
def _redis(service: Redis) -> Iterator[Any]:
    client = redis_client.Redis(port=service.port, socket_timeout=10)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _elasticsearch(service: Elasticsearch) -> Iterator[Any]:
    client = elasticsearch_client.Elasticsearch(service.url, request_timeout=30)
    try:
        yield client
    finally:
        client.close()


def _fill(client: Any) -> None:
    """Ten megabytes."""
    for number in range(100):
        client.set(f"key{number}", "x" * 100_000)


def _sql(service: PostgreSQL, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(service.url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_kafka_carries_messages_in_every_codec(kafka: Kafka, codec: str | None) -> None:
    """What is produced with each compression is consumed as it was."""
    topic, values = _topic(kafka), [b"%d " % number * 50 for number in range(100)]
    _produce(kafka.address, topic, values, compression_type=codec)
    assert values == _consume(kafka.address, topic, len(values))


def test_kafka_takes_a_password_at_its_other_address(kafka: Kafka) -> None:
    """SASL PLAIN lets the user in with the password."""
    topic = _topic(kafka)
    account = {"sasl_mechanism": "PLAIN", "sasl_plain_username": USER, "sasl_plain_password": PASSWORD}
    _produce(kafka.sasl_address, topic, [b"in"], security_protocol="SASL_PLAINTEXT", **account)
    assert [b"in"] == _consume(kafka.sasl_address, topic, 1, security_protocol="SASL_PLAINTEXT", **account)


def test_kafka_is_reached_through_the_proxy_all_along(kafka: Kafka) -> None:
    """The broker names the proxy as its own address, so that the messages themselves take that way."""
    topic, value = _topic(kafka), b"x" * 200_000
    with kafka.proxy() as proxy:
        _produce(proxy.address, topic, [value])
        assert proxy.up.passed > len(value)
        assert [value] == _consume(proxy.address, topic, 1)
        assert proxy.down.passed > len(value)


def test_killed_kafka_keeps_its_messages(kafka: Kafka) -> None:
    """After SIGKILL the broker is back on the same port with what it had acknowledged."""
    topic, address = _topic(kafka), kafka.address
    _produce(address, topic, [b"one", b"two"])
    kafka.kill()
    assert not kafka.is_serving()
    kafka.start()
    _produce(address, topic, [b"three"])
    assert [b"one", b"two", b"three"] == _consume(address, topic, 3)


def test_killed_redis_keeps_its_keys(redis: Redis) -> None:
    """After SIGKILL it is back on the same port with what it had acknowledged."""
    key, port = _unique(), redis.port
    with _redis(redis) as client:
        for _ in range(1_000):
            client.incr(key)
    redis.kill()
    assert not redis.is_serving()
    redis.start()
    with _redis(redis) as client:
        assert (port, b"1000") == (redis.port, client.get(key))


def test_killed_elasticsearch_keeps_its_documents(elasticsearch: Elasticsearch) -> None:
    """After SIGKILL it is back on the same port with what it had acknowledged."""
    index = _unique()
    with _elasticsearch(elasticsearch) as client:
        assert "8.16.6" == client.info()["version"]["number"]
        client.index(index=index, id="1", document={"of": "mine"})
    elasticsearch.kill()
    assert not elasticsearch.is_serving()
    elasticsearch.start()
    with _elasticsearch(elasticsearch) as client:
        assert {"of": "mine"} == client.get(index=index, id="1")["_source"]


def test_killed_postgresql_keeps_its_rows(postgres: PostgreSQL) -> None:
    """After SIGKILL of all its processes it is back on the same port with what was committed."""
    table = _unique()
    _sql(postgres, f"CREATE TABLE {table} AS SELECT 42 AS answer")
    postgres.kill()
    assert not postgres.is_serving()
    postgres.start()
    assert [(42,)] == _sql(postgres, f"SELECT answer FROM {table}")


def test_postgresql_turns_read_only_and_back(start_service: StartService) -> None:
    """A reload with other options is enough, and counts for connections that are open."""
    server: PostgreSQL = start_service(PostgreSQL)
    with psycopg.connect(server.url, autocommit=True) as connection:
        server.options["default_transaction_read_only"] = "on"
        server.reload()
        while connection.execute("SHOW default_transaction_read_only").fetchone() != ("on",):
            pass
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE t (n int)")


def test_redis_says_when_its_memory_is_full(start_service: StartService) -> None:
    """A second instance with little memory refuses writes, beside the shared one."""
    small: Redis = start_service(Redis, {"maxmemory": "3mb", "maxmemory-policy": "noeviction"})
    with _redis(small) as client, pytest.raises(redis_client.exceptions.OutOfMemoryError):
        _fill(client)


def test_redis_says_when_its_disk_is_full(start_service: StartService) -> None:
    """On a small file system writes are refused at some point, and it still runs."""
    small: Redis = start_service(Redis, disk_mebibytes=4)
    with _redis(small) as client:
        with pytest.raises(redis_client.exceptions.ResponseError, match="MISCONF"):
            _fill(client)
        assert small.is_serving()


def test_a_paused_service_is_silent_and_goes_on(redis: Redis) -> None:
    """While it is paused connections are accepted and nothing is answered; after that the answer comes."""
    redis.pause()
    impatient = redis_client.Redis(port=redis.port, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    with impatient, pytest.raises(redis_client.exceptions.TimeoutError):
        impatient.ping()
    redis.resume()
    with _redis(redis) as client:
        assert client.ping()


def test_what_a_test_left_paused_goes_on_after_it(redis: Redis) -> None:
    """The test before this one could have left it paused or dead: it serves."""
    assert redis.is_serving()


def test_what_a_killed_run_left_behind_is_ended_by_the_next(redis: Redis, tmp_path: Path) -> None:
    """A service whose test run was killed is gone, with its folder, when another run begins."""
    program = tmp_path / "run.py"
    program.write_text(_DESERTER, "utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    folder = Path(done.stdout)
    left = Redis(folder)
    assert left.is_serving()
    session = Session()
    session.new(Redis)
    session.end()
    assert (False, False, True) == (left.is_serving(), folder.exists(), redis.is_serving())


_DESERTER = """
import os, signal
from tests.services.redis import Redis
from tests.services.session import Session

service = Session().new(Redis)
service.start()
print(service.folder, end="", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
