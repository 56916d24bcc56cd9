"""The dashboard's listener and clients that mean no good: bounds of size, time and number, and no traceback."""

from __future__ import annotations

import logging
import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest

from appliance.ui import http_server
from appliance.ui.server import Dashboard
from tests.ui.conftest import API_URL, free_port
from tests.ui.fake_feed import FakeFeed, figures, snapshot

HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
MOST = 20


@pytest.fixture(scope="module")
def narrow() -> Iterator[Dashboard]:
    """A dashboard for few connections, quick to lose patience."""
    times = http_server.LIMITS | {"idle_connection_timeout": 1.0, "body_timeout": 1.0}
    with patch.multiple(http_server, MOST_CONNECTIONS=MOST, LIMITS=times):
        dashboard = Dashboard(host="127.0.0.1", port=free_port(), feed=FakeFeed(snapshot(figures(1))), api_url=API_URL)
        dashboard.start()
        yield dashboard
        dashboard.stop()


def connection(dashboard: Dashboard) -> socket.socket:
    return socket.create_connection(("127.0.0.1", dashboard.port), timeout=20)


def answer_to(dashboard: Dashboard, sent: bytes) -> bytes:
    """All that comes until the server hangs up."""
    answer = b""
    with connection(dashboard) as client:
        client.sendall(sent)
        try:
            while piece := client.recv(65_536):
                answer += piece
        except ConnectionResetError:
            pass
    return answer


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200) + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: other\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 40_000,
        b"GET /" + b"a" * 40_000,
        b"GET /%ff%fe\x80\xff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: nonsense\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:40]),
)
def test_rubbish_ends_its_connection_alone(narrow: Dashboard, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is no request is answered 4xx or hung up on, without a traceback, and the next one is served."""
    answer = answer_to(narrow, sent)
    assert answer[:10] in {b"", b"HTTP/1.1 4"}, answer[:200]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and record.exc_info]
    assert b"200 OK" in answer_to(narrow, HEALTH)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /hea", HEALTH, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nabc"],
    ids=["silent", "in the headers", "between requests", "in the body"],
)
def test_who_falls_silent_is_hung_up_on(narrow: Dashboard, sent: bytes) -> None:
    """A connection that sends nothing more ends, wherever in a request that is."""
    assert answer_to(narrow, sent) is not None


def test_more_connections_than_there_may_be(narrow: Dashboard) -> None:
    """The next one is answered 503 and ended; when others have gone there is room again."""
    with ExitStack() as stack:
        held = [stack.enter_context(connection(narrow)) for _ in range(MOST)]
        for client in held:
            client.sendall(b"GET /health HTTP/1.1\r\n")
        answer = _until(narrow, b"503")
        assert b"Retry-After: 5" in answer
        assert answer.endswith(b"Too many connections for now.")
    assert b'{"status": "ok"}' in _until(narrow, b"200 OK")


def test_without_file_descriptors_the_loop_rests(narrow: Dashboard, caplog: pytest.LogCaptureFixture) -> None:
    """When none is left connections are hung up on, nothing turns without end, and afterwards all is as before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = [socket.socket() for _ in range(5)]
    used = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    fillers = []
    try:
        while True:
            fillers.append(os.dup(0))
    except OSError:
        pass
    try:
        began = time.process_time()
        for client in clients:
            client.settimeout(20)
            client.connect(("127.0.0.1", narrow.port))
            assert b"" == client.recv(10)
        time.sleep(0.5)
        assert time.process_time() - began < 0.4
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for client in clients:
            client.close()
    assert b"200 OK" in _until(narrow, b"200 OK")
    assert not [record for record in caplog.records if "Too many open files" in str(record.exc_info)]


def _until(dashboard: Dashboard, status: bytes) -> bytes:
    """The first answer with the status; connections come and go in their own time."""
    deadline = time.monotonic() + 20
    while status not in (answer := answer_to(dashboard, HEALTH)):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer
