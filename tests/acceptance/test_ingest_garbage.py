"""Bytes that are no request of ours: each connection ends in time, and no answer blames the server."""

from __future__ import annotations

import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.bare_http import all_that_comes, head, with_length
from tests.acceptance.server import Server

EVENT = b'{"event_type":"page_view","user_id":"u1"}'

_GARBAGE = (
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200,
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/events\r\n\r\n",
    b"POST /v1/events HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    head("Content-Length: -1"),
    head("Content-Length: 1, 2"),
    head("Content-Length: 5", "Content-Length: 6") + b"12345",
    head("Content-Length: " + "9" * 5_000),
    head("Content-Length: \u00b2"),
    head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    head("Transfer-Encoding: chunked") + b"zz\r\n",
    head("Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n",
    head("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    head("Content-Type: \xff\xfe", "Content-Length: 2") + b"{}",
    head("Content-Encoding: \x01", "Content-Length: 2") + b"{}",
    head("Idempotency-Key: \xff\xff", f"Content-Length: {len(EVENT)}") + EVENT,
    head("A" * 200_000 + ": b"),
    head("Upgrade: websocket", "Connection: Upgrade", "Content-Length: 2") + b"{}",
    head(path="/v1/events%00", method="POST"),
    head(path="//v1/events", method="POST"),
    head(path="/v1/events?" + "a" * 60_000) + b"0",
    head(method="\x7f\x7f"),
    b"\r\n" * 1_000 + with_length(EVENT),
)


@pytest.mark.parametrize("garbage", _GARBAGE, ids=range(len(_GARBAGE)))
def test_garbage_gets_a_refusal_or_a_closed_connection(shared_server: Server, garbage: bytes) -> None:
    """Whatever the bytes are, the connection ends in time and no answer blames the server."""
    assert _is_harmless(_what_comes(shared_server, garbage))
    assert 202 == shared_server.post(EVENT).status


def test_noise_gets_a_refusal_or_a_closed_connection(shared_server: Server) -> None:
    """A valid request with bytes of it replaced at random."""
    rng = random.Random(3)
    request = with_length(EVENT, "Content-Type: application/json", "Connection: close")
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda sent: _what_comes(shared_server, sent), [_noisy(rng, request) for _ in range(300)])
        )
    assert [] == [answer for answer in answers if not _is_harmless(answer)]


def _noisy(rng: random.Random, request: bytes) -> bytes:
    found = bytearray(request)
    for _ in range(rng.choice((1, 2, 5))):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def _what_comes(server: Server, sent: bytes) -> bytes:
    with server.socket() as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return all_that_comes(connection)
        except ConnectionError:
            return b""


def _is_harmless(answer: bytes) -> bool:
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    return all(status < 500 for status in statuses) and (bool(statuses) or answer == b"")
