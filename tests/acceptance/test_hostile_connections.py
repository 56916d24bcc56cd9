"""What is hardly HTTP, too large, too slow or too many: refused with a problem, and nobody else notices."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.bare_http import all_that_comes, head, read_answer, with_length
from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Server

EVENT = b'{"event_type":"page_view","user_id":"u1"}'
HEALTH = head(path="/health", method="GET")
MOST = 40


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for few connections, quick to lose patience."""
    environment = {
        "APPLIANCE__SERVER__HEADER_TIMEOUT_SECONDS": "1",
        "APPLIANCE__SERVER__IDLE_TIMEOUT_SECONDS": "2",
        "APPLIANCE__SERVER__SEND_TIMEOUT_SECONDS": "2",
        "APPLIANCE__SERVER__MAX_CONNECTIONS": str(MOST),
    }
    server = Server(tmp_path_factory.mktemp("guarded"), environment)
    server.start()
    yield server
    words = server.process.last_words()
    server.stop()
    assert "Traceback" not in words
    assert "Exception" not in words


def _told(server: Server, sent: bytes) -> tuple[int, str]:
    """Status and code of the answer; the connection is closed after it."""
    with server.socket() as connection:
        connection.sendall(sent)
        status, problem = read_answer(connection)
        assert status == problem["status"]
        assert b"" == connection.recv(1)
        return status, str(problem["code"])


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
        b"HELLO\r\n\r\n",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n folded: x\r\n\r\n",
        b"GET /\x80\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/3.7\r\nHost: 127.0.0.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT other.example:443 HTTP/1.1\r\nHost: other.example\r\n\r\n",
        head("Content-Length: 1", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("Transfer-Encoding: chunked", "Content-Length: 1") + b"0\r\n\r\n",
        head("Content-Length: 1", "Content-Length: 2") + b"12",
        head("Content-Length: -1"),
        head("Content-Length: 0x10") + b"0123456789abcdef",
        head("Content-Length: 99999999999999999999999"),
        head("Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"xyz\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"-5\r\n[   ]\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"fffffffffffffffff\r\n",
        head("Transfer-Encoding: chunked") + b"2\r\n[]xx0\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:60]),
)
def test_what_is_no_request_is_400(guarded: Server, sent: bytes) -> None:
    """Broken request lines, headers and framings, contradictory lengths among them, are never guessed at."""
    assert (400, "bad_request") == _told(guarded, sent)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (head(f"X: {'a' * 40_000}", method="GET"), (431, "headers_too_large")),
        (head(method="GET")[:-2] + b"X: " + b"a" * 40_000, (431, "headers_too_large")),
        (head(*[f"X{number}: 1" for number in range(101)], method="GET"), (431, "headers_too_large")),
        (head(method="GET", path="/" + "a" * 9_000), (414, "target_too_long")),
        (b"GET /" + b"a" * 300_000, (431, "headers_too_large")),
    ],
    ids=["complete", "without end", "many", "target", "target without end"],
)
def test_headers_have_bounds(guarded: Server, sent: bytes, told: tuple[int, str]) -> None:
    """Too many bytes or fields of headers are 431, too long a target 414, complete or not."""
    assert told == _told(guarded, sent)


def test_headers_near_the_bound_are_taken(guarded: Server) -> None:
    """30,000 bytes of headers are no reason to refuse, in one piece or byte by byte at the end."""
    whole = with_length(EVENT, f"X: {'a' * 30_000}")
    with guarded.socket() as connection:
        for _ in range(3):
            connection.sendall(whole[:30_000])
            for byte in whole[30_000:]:
                connection.sendall(bytes([byte]))
            assert 202 == read_answer(connection)[0]


def test_slow_headers_are_408(guarded: Server) -> None:
    """Headers that dribble in end in time, however steadily they come; so do those of a later request."""
    for before in (b"", HEALTH):
        with guarded.socket() as connection:
            if before:
                connection.sendall(before)
                assert 200 == read_answer(connection)[0]
            connection.sendall(b"GET /health HTTP/1.1\r\n")
            answer = b""
            connection.settimeout(0.2)
            for number in range(50):
                try:
                    connection.sendall(f"X{number}: 1\r\n".encode())
                    answer = connection.recv(1_000)
                    break
                except TimeoutError:
                    continue
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"code":"header_timeout"' in answer


def test_silent_connections_are_closed(guarded: Server) -> None:
    """One that never says anything, and one that has had its answer."""
    with guarded.socket() as never, guarded.socket() as after:
        after.sendall(HEALTH)
        assert 200 == read_answer(after)[0]
        assert b"" == all_that_comes(never)
        assert b"" == all_that_comes(after)


def test_a_body_that_nobody_reads_ends_its_connection(guarded: Server) -> None:
    """A refused request's body may follow for a moment, but not for ever."""
    with guarded.socket() as connection:
        connection.sendall(head("Content-Length: 100000", path="/nowhere"))
        assert 404 == read_answer(connection)[0]
        deadline = time.monotonic() + 20
        while _takes_a_byte(connection):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def _takes_a_byte(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"x")
    except OSError:
        return False
    return True


def test_beyond_the_most_connections_comes_503(guarded: Server) -> None:
    """The next connection is told at once to come again, and can when another has gone."""
    with ExitStack() as stack:
        held = [stack.enter_context(guarded.socket()) for _ in range(MOST)]
        for connection in held:
            connection.sendall(head("Content-Length: 5"))
        _until(guarded, b"HTTP/1.1 503 ", b"retry-after: 1")
    _until(guarded, b"HTTP/1.1 200 ")


def _until(server: Server, *words: bytes) -> None:
    deadline = time.monotonic() + 10
    while not all(word in (answer := _first_bytes(server)) for word in words):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)


def _first_bytes(server: Server) -> bytes:
    with server.socket() as connection:
        connection.sendall(HEALTH)
        return connection.recv(1_000)


def test_a_half_closed_client_gets_its_answers(guarded: Server) -> None:
    """Who ends its side after the last request is answered before the connection ends."""
    for requests in (1, 3, 600):
        with guarded.socket() as connection:
            connection.sendall(with_length(EVENT) * requests)
            connection.shutdown(socket.SHUT_WR)
            assert requests == all_that_comes(connection).count(b"HTTP/1.1 202 ")


def test_rubbish_after_good_requests_comes_last(guarded: Server) -> None:
    """The good ones are answered first, in order, then comes the 400."""
    with guarded.socket() as connection:
        connection.sendall(with_length(EVENT) * 3 + b"rubbish\r\n\r\n" + with_length(EVENT))
        answers = all_that_comes(connection)
    assert [b"202", b"202", b"202", b"400"] == [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]


def test_thousands_of_requests_at_once_are_answered(guarded: Server) -> None:
    """Pipelined far beyond what is parsed at once: as many answers, and requests of every size among them."""
    bodies = [EVENT, EVENT + b" " * 40_000, b"[" + b",".join([EVENT] * 500) + b"]"]
    sent = b"".join(with_length(bodies[number % 50 if number % 50 < 3 else 0]) for number in range(1_000))
    with guarded.socket() as connection:
        connection.settimeout(60)
        connection.sendall(sent + with_length(EVENT, "Connection: close"))
        assert 1_001 == all_that_comes(connection).count(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "x"])
def test_an_upgrade_is_passed_over(guarded: Server, protocol: str) -> None:
    """A request is answered as if no other protocol had been offered, and so is the next; one with a body is 400."""
    upgrade = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABkAAQAAP__")
    offered = head(*upgrade, path="/health", method="GET")
    with guarded.socket() as connection:
        connection.sendall(offered + HEALTH + offered + with_length(EVENT, *upgrade))
        answers = all_that_comes(connection)
    assert [b"200", b"200", b"200", b"400"] == [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]


def test_http_1_0(guarded: Server) -> None:
    """An old client is answered, and the connection closed."""
    with guarded.socket() as connection:
        old = with_length(EVENT).replace(b"HTTP/1.1", b"HTTP/1.0")
        connection.sendall(old)
        answer = all_that_comes(connection)
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b"connection: close" in answer


def test_a_body_in_single_bytes(guarded: Server) -> None:
    """Chunks of one byte each, thousands of them, are a body like any other."""
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in EVENT + b" " * 5_000)
    with guarded.socket() as connection:
        connection.sendall(head("Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
        assert 202 == read_answer(connection)[0]


def test_who_takes_no_answer_is_cut_off(guarded: Server) -> None:
    """Neither a stream nor a long answer waits for a client that doesn't read."""
    text = os.urandom(900).hex()
    body = [{"event_type": "x", "user_id": f"u{number}", "properties": {"text": text}} for number in range(4_000)]
    for _ in range(5):
        assert 202 == guarded.post(body).status
    with guarded.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(head(path="/v1/export?format=ndjson", method="GET"))
        before = connection.recv(12)
        time.sleep(5)
        with pytest.raises(ConnectionResetError):
            all_that_comes(connection)
    assert b"HTTP/1.1 200" == before


@pytest.mark.slow
def test_a_thousand_idle_connections_and_few_files(start_server: StartServer) -> None:
    """With 256 files at most, 1,000 idle connections stop nothing for good, burn nothing, and lose nothing."""
    server = start_server(prefix=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])
    assert 202 == server.post(EVENT).status
    with ExitStack() as stack:
        for _ in range(1_000):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        before, began = _cpu_seconds(server.process.pid), time.monotonic()
        time.sleep(3)
        assert _cpu_seconds(server.process.pid) - before < 0.5 * (time.monotonic() - began)
        assert server.process.running
    deadline = time.monotonic() + 20
    while not server.process.is_ready():
        assert time.monotonic() < deadline
    assert 202 == server.post(EVENT).status
    assert [(2,)] == server.stored("SELECT count(*) FROM events")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
