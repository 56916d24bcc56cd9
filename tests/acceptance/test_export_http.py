"""``GET /v1/export``: one moment of the log as a file, whole or visibly cut."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import signal
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from tests.acceptance.conftest import StartServer
from tests.acceptance.counting_client import CountingClient
from tests.acceptance.server import Server

_CLIENTS = 10
_EACH = 50
_PAUSE_SECONDS = 0.1  # ten clients, fifty events, ten times a second: 5,000 events a second


def _fill(server: Server, batches: int) -> None:
    """So many times 4,000 events of 2 KB: more than the buffers between the two ends hold."""
    body = [{"event_type": "x", "user_id": f"u{n}", "properties": {"text": "x" * 2_000}} for n in range(4_000)]
    for _ in range(batches):
        assert 202 == server.post(body).status


def _open_export(server: Server, query: str = "") -> socket.socket:
    """An export that has begun and whose rest nobody reads."""
    connection = server.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.sendall(f"GET /v1/export{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert connection.recv(15).startswith(b"HTTP/1.1 200")
    return connection


def _wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass within 30 s")


def test_an_export_amid_ingest_is_one_moment(server: Server) -> None:
    """Each connection's events are there without a gap up to some number, all acknowledged before among them."""
    stop = threading.Event()
    clients = [
        CountingClient(server.port, f"c{n}", stop, each=_EACH, pause_seconds=_PAUSE_SECONDS) for n in range(_CLIENTS)
    ]
    for client in clients:
        client.start()
    time.sleep(1)
    for _ in range(5):
        acknowledged = [client.acknowledged for client in clients]
        answer = server.request("GET", "/v1/export")
        lines = [json.loads(line) for line in answer.body.splitlines()]
        assert str(len(lines)) == answer.headers["x-events"]
        numbers: dict[str, list[int]] = defaultdict(list)
        for line in lines:
            numbers[line["user_id"]].append(line["properties"]["number"])
        for number, before in enumerate(acknowledged):
            found = sorted(numbers[f"c{number}"])
            assert list(range(len(found))) == found
            assert before <= len(found)
    stop.set()
    for client in clients:
        client.join(30)
        assert [] == client.faults
    assert sum(client.acknowledged for client in clients) > 5_000


def test_formats_filters_and_compression(shared_server: Server) -> None:
    """Each format holds what the filters let through, under a name of its own, compressed where asked."""
    events = [
        {
            "event_type": kind,
            "user_id": f"u{n}",
            "campaign_id": 'só, "näh"' if n % 2 else None,
            "timestamp": f"2026-01-0{n + 1}T00:00:00Z",
        }
        for n, kind in enumerate(["email_sent", "email_sent", "email_opened", "email_sent"])
    ]
    assert 202 == shared_server.post(events).status

    def users(query: str, accept: str = "*/*") -> list[str]:
        answer = shared_server.request("GET", f"/v1/export?{query}", headers={"Accept": accept})
        assert 200 == answer.status, answer.body
        found = _users(answer.headers, answer.body)
        assert str(len(found)) == answer.headers["x-events"]
        return found

    assert ["u0", "u1", "u3"] == users("event_type=email_sent")
    assert ["u1", "u3"] == users("campaign_id=s%C3%B3,%20%22n%C3%A4h%22&format=csv")
    assert ["u1", "u2"] == users("from=2026-01-02&to=2026-01-04&format=parquet")
    assert ["u3"] == users("from=2026-01-04T01:00:00%2b01:00&compression=gzip")
    assert ["u2"] == users("event_type=email_opened&format=csv&compression=zstd")
    assert ["u0", "u1", "u2", "u3"] == users("", accept="application/vnd.apache.parquet, */*;q=0.1")
    assert [] == users("event_type=no_such&format=csv")


def _users(headers: Any, body: bytes) -> list[str]:
    name = headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
    media_type = headers["content-type"].partition(";")[0]
    if name.endswith(".gz"):
        assert "application/gzip" == media_type
        body = gzip.decompress(body)
    elif name.endswith(".zst"):
        assert "application/zstd" == media_type
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    bare = name.removesuffix(".gz").removesuffix(".zst")
    if bare.endswith(".parquet"):
        assert "application/vnd.apache.parquet" == media_type
        found: list[str] = pq.read_table(io.BytesIO(body)).column("user_id").to_pylist()
        return found
    if bare.endswith(".csv"):
        return [line.split(",")[2] for line in body.decode().splitlines()[1:]]
    return [json.loads(line)["user_id"] for line in body.splitlines()]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=xml", "format"),
        ("from=soon", "from"),
        ("from=2026-01-02&to=2026-01-02", "from"),
        ("format=parquet&compression=gzip", "compression"),
        ("compression=zip", "compression"),
        ("campaign=spring", "campaign"),
    ],
)
def test_a_wrong_argument_is_named(shared_server: Server, query: str, field: str) -> None:
    """400 with the argument's name, before anything is sent."""
    answer = shared_server.request("GET", f"/v1/export?{query}")
    assert (400, "bad_argument", field) == (answer.status, answer.json()["code"], answer.json()["field"])


def test_no_more_exports_at_once_than_allowed(start_server: StartServer) -> None:
    """One too many gets 503 and when to come again; when a client hangs up, its place is free at once."""
    server = start_server({"APPLIANCE__SERVER__MAX_EXPORTS": "1"})
    _fill(server, 8)
    with _open_export(server):
        refused = server.request("GET", "/v1/export")
        assert (503, "overloaded", "10") == (refused.status, refused.json()["code"], refused.headers["retry-after"])
    _wait_until(lambda: server.request("GET", "/v1/export?event_type=none").status == 200)
    # a place is also given back by an export that was read to its end
    assert 200 == server.request("GET", "/v1/export?event_type=none").status


def test_a_client_that_takes_nothing_is_cut(start_server: StartServer) -> None:
    """Its read transaction ends, others may export, and what it reads in the end is visibly short."""
    environment = {"APPLIANCE__SERVER__MAX_EXPORTS": "1", "APPLIANCE__SERVER__EXPORT_PATIENCE_SECONDS": "1"}
    server = start_server(environment)
    _fill(server, 8)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as stalled:
        stalled.request("GET", "/v1/export")
        with stalled.getresponse() as answer:
            assert "32000" == answer.getheader("x-events")
            _wait_until(lambda: server.request("GET", "/v1/export?event_type=none").status == 200)
            with pytest.raises(http.client.IncompleteRead):
                answer.read()


def test_an_export_that_is_not_read_to_its_end_ends_with_the_server(start_server: StartServer) -> None:
    """A stop waits a few seconds for it and no longer; the client sees that the end is missing."""
    server = start_server()
    _fill(server, 12)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as reading:
        reading.request("GET", "/v1/export")
        with reading.getresponse() as answer:
            answer.read(100_000)
            server.process.send(signal.SIGTERM)
            assert 0 == server.process.wait(15)
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
