"""Stopping at any moment: exit 0 within 15 s, ``server.json`` gone, and what was acknowledged is what is stored."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from appliance.events.keys import uuid5_bytes
from tests.acceptance.conftest import StartServer
from tests.acceptance.kill_loop import stored_ids
from tests.acceptance.server import Server
from tests.acceptance.stubborn_client import StubbornClient
from tests.process import free_ports, run_command

_LIMIT_SECONDS = 15
ROOT = Path(__file__).parents[2]


def _end(server: Server, *signals: signal.Signals, between_seconds: float = 0.05) -> None:
    """Send the signals one after the other; check the manner of the end."""
    process = server.process
    began = time.monotonic()
    for number in signals:
        process.send(number)
        time.sleep(between_seconds)
    try:
        status = process.wait(_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still there after {_LIMIT_SECONDS} s: {process.last_words()}") from None
    assert 0 == status, process.last_words()
    assert time.monotonic() - began < _LIMIT_SECONDS
    assert "Traceback" not in process.last_words()
    assert not (server.data / "server.json").exists()


def _clients(server: Server, count: int) -> tuple[list[StubbornClient], threading.Event]:
    stop = threading.Event()
    clients = [StubbornClient(server.port, number, stop) for number in range(count)]
    for client in clients:
        client.start()
    return clients, stop


@pytest.mark.slow
@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGTERM,),
        (signal.SIGINT,),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT, signal.SIGTERM),
    ],
    ids=lambda signals: "-".join(number.name for number in signals),
)
def test_stopped_amid_ingest_it_keeps_what_it_acknowledged(
    start_server: StartServer, signals: tuple[signal.Signals, ...]
) -> None:
    """Concurrent senders retry across stop and start: no receipt without its event, and none is stored twice."""
    server = start_server({"APPLIANCE__METRICS__CALCULATION_INTERVAL": "1"})
    clients, stop = _clients(server, 6)
    for _ in range(2):
        time.sleep(1)
        _end(server, *signals)
        stored = stored_ids(server.data)
        assert 0 < len(stored) == len(set(stored))
        assert set() == _acknowledged(clients) - set(stored)
        server.start()
    stop.set()
    for client in clients:
        client.join(60)
        assert not client.is_alive()
        assert [] == client.faults
    _end(server, *signals)

    assert sorted(_acknowledged(clients)) == sorted(stored_ids(server.data))


def _acknowledged(clients: list[StubbornClient]) -> set[bytes]:
    return {uuid5_bytes(f"event:{name}".encode()) for client in clients for name in client.acknowledged}


@pytest.mark.slow
@pytest.mark.parametrize("after_seconds", [0.0, 1.5, 4.0])
def test_stopped_while_the_demo_tells_its_history(start_server: StartServer, after_seconds: float) -> None:
    """A stop does not wait for a quarter of a million events."""
    server = start_server(arguments=["--demo"])
    time.sleep(after_seconds)
    _end(server, signal.SIGTERM)

    assert server.stored("SELECT count(*) FROM events")[0][0] >= 0


@pytest.mark.slow
def test_stopped_during_a_rollup(start_server: StartServer) -> None:
    """Rollups that were under way go on at the next start, and equal a recomputation."""
    server = start_server({"APPLIANCE__METRICS__CALCULATION_INTERVAL": "1"})
    body = [
        {"event_type": "email_opened", "user_id": f"u{number}", "timestamp": time.time() - 60 * number}
        for number in range(20_000)
    ]
    for _ in range(3):
        for _ in range(4):
            assert 202 == server.post(body).status
        time.sleep(0.9)
        _end(server, signal.SIGTERM)
        server.start()
    time.sleep(2)
    _end(server, signal.SIGTERM)
    told = run_command("verify", "--data", str(server.data), "--json")

    assert 0 == told.returncode, told.stdout + told.stderr
    assert 240_000 == json.loads(told.stdout)["events"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_seconds", [0.6, 1.0, 1.5, 2.0, 3.0])
def test_stopped_while_starting(start_server: StartServer, after_seconds: float, number: signal.Signals) -> None:
    """A signal before the listener is up is a stop like any other."""
    server = start_server()
    server.stop()
    server.process.start()
    time.sleep(after_seconds)
    _end(server, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_at_the_very_beginning(tmp_path: Path, number: signal.Signals) -> None:
    """From its first line on a signal ends ``scripts/run`` with 0, whatever it is just about to do."""
    port, ui_port = free_ports()
    arguments = ["--data", str(tmp_path / "data"), "--port", str(port), "--ui-port", str(ui_port)]
    for milliseconds in (0, 20, 40, 80, 200, 400):
        process = subprocess.Popen(["scripts/run", *arguments], stderr=subprocess.PIPE, cwd=ROOT)
        while not _is_ready_for(process.pid, number):
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        process.send_signal(number)
        _, told = process.communicate(timeout=_LIMIT_SECONDS)
        assert 0 == process.returncode, (milliseconds, told)
        assert b"Traceback" not in told


def _is_ready_for(pid: int, number: signal.Signals) -> bool:
    """Whether the process catches the signal, or holds it back."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool((int(status["SigCgt"], 16) | int(status["SigBlk"], 16)) >> (number - 1) & 1)


@pytest.mark.slow
def test_open_connections_hold_nothing_up(start_server: StartServer) -> None:
    """A stream, a body that never ends, an idle connection and an export that nobody reads end with the server."""
    server = start_server()
    body = [{"event_type": "x", "user_id": f"u{n}", "properties": {"text": "x" * 2_000}} for n in range(4_000)]
    for _ in range(10):
        assert 202 == server.post(body).status
    requests = [
        "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n[",
        "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ]
    sockets = [server.socket() for _ in requests]
    for connection, request in zip(sockets, requests, strict=True):
        connection.sendall(request.encode())
    assert all(connection.recv(15).startswith(b"HTTP/1.1 200") for connection in (sockets[0], sockets[2], sockets[3]))
    _end(server, signal.SIGTERM)
    for connection in sockets:
        connection.close()

    assert [(40_000,)] == server.stored("SELECT count(*) FROM events")
