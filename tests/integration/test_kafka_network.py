"""Kafka over ways that are slow, cut, silent or encrypted."""

from __future__ import annotations

import asyncio
import gc
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.cli.service_check import services
from appliance.config import Settings
from tests.integration.kafka_support import Taking, create_topic, event, produce, reading, unique, wait_until
from tests.services.fixtures import StartService
from tests.services.kafka import Kafka

pytestmark = pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def topic(kafka: Kafka) -> str:
    return create_topic(kafka.address)


def test_answers_that_break_off_are_asked_for_again(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """Cut in the middle of messages and of commits, and silent for a while: each event is stored once."""
    produce(kafka.address, topic, map(event, range(8_000)))
    with kafka.proxy() as proxy, Taking(tmp_path / "data", reading(proxy.address, [topic])) as taking:
        proxy.down.bytes_per_second = 400_000
        for count in range(5):
            wait_until(lambda: proxy.open_connections > 0)
            proxy.down.cut_after(20_000 + 30_000 * count)
            wait_until(lambda: not proxy.down.cut_is_due or taking.count() == 8_000)
        proxy.restore()
        produce(kafka.address, topic, map(event, range(8_000, 9_000)))
        taking.wait_for(9_000)

        assert list(range(9_000)) == taking.numbers()


def test_a_broker_that_falls_silent_is_told_and_leaves_no_gap(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """Nothing comes back while connections stay open: the status says so until answers come again."""
    with kafka.proxy() as proxy, Taking(tmp_path / "data", reading(proxy.address, [topic])) as taking:
        produce(kafka.address, topic, [event(0)])
        taking.wait_for(1)
        proxy.down.silent = True
        wait_until(lambda: taking.ingest.status().state == "down")
        produce(kafka.address, topic, [event(1)])
        proxy.restore()
        taking.wait_for(2)

        assert [0, 1] == taking.numbers()
        wait_until(lambda: taking.ingest.status().state == "up", taking.ingest.status)


def test_tls_is_checked(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    """A broker that the named authority vouches for is read from; another is refused, and the reason told."""
    produce(kafka.address, topic, [event(0)])
    for name in ("right", "wrong"):
        (tmp_path / name).mkdir()
        _make_certificate(tmp_path / name)
    with _tls_in_front_of(kafka, tmp_path / "right") as address:
        settings = reading(address, [topic], security_protocol="SSL", ssl_ca_file=tmp_path / "right/certificate.pem")
        with Taking(tmp_path / "data", settings) as taking:
            taking.wait_for(1)
        strange = reading(address, [topic], security_protocol="SSL", ssl_ca_file=tmp_path / "wrong/certificate.pem")
        with Taking(tmp_path / "other", strange) as taking:
            wait_until(
                lambda: "CERTIFICATE_VERIFY_FAILED" in (taking.ingest.status().error or ""), taking.ingest.status
            )
        plain = reading(address, [topic])
        with Taking(tmp_path / "third", plain) as taking:
            wait_until(lambda: "security_protocol" in (taking.ingest.status().error or ""), taking.ingest.status)


@pytest.mark.slow
def test_asking_for_a_topic_does_not_make_it(start_service: StartService, tmp_path: Path) -> None:
    """Also where the broker would: neither by waiting for it nor by the check."""
    kafka: Kafka = start_service(Kafka, {"auto.create.topics.enable": "true"})
    there, missing = create_topic(kafka.address), unique()
    settings = reading(kafka.address, [there, missing])
    produce(kafka.address, there, [event(0)])
    with Taking(tmp_path / "data", settings) as taking:
        taking.wait_for(1)

        for _ in range(2):
            (finding,) = services(Settings(kafka=settings))
            assert f"these topics do not exist: {missing}" == finding.message


def _make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"), "-days", "2"]
    command += ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def _tls_in_front_of(kafka: Kafka, folder: Path) -> Iterator[str]:
    """Where the broker says that its clients connect, with TLS ended there."""
    with kafka.proxy() as proxy:
        proxy.refuse()
        port = proxy.port
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        end = asyncio.Event()
        server = await asyncio.start_server(_forward_to(proxy.target_port), "127.0.0.1", port, ssl=tls)
        ready.set_result((asyncio.get_running_loop(), end))
        await end.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=asyncio.run, args=[serve()], name="tls")
    thread.start()
    loop, end = ready.result(10)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


def _forward_to(port: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - asyncio's own kind of callback
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pass_on(reader, onward), _pass_on(onward_reader, writer))
        except (OSError, asyncio.CancelledError):
            return
        finally:
            for one in (writer, onward):
                one.close()
                with suppress(OSError, asyncio.CancelledError):
                    await one.wait_closed()

    return forward


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
