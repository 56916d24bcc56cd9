"""HTTP by hand, for requests that no client library would send."""

from __future__ import annotations

import http.client
import json
import socket


def head(*headers: str, path: str = "/v1/events", method: str = "POST") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode()


def with_length(body: bytes, *headers: str) -> bytes:
    return head(f"Content-Length: {len(body)}", *headers) + body


def read_answer(connection: socket.socket) -> tuple[int, dict[str, object]]:
    """Status and JSON of the next answer on a bare connection."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, json.loads(answer.read())


def all_that_comes(connection: socket.socket) -> bytes:
    """Until the server closes; raises ``TimeoutError`` where it never does."""
    pieces = b""
    while piece := connection.recv(65_536):
        pieces += piece
    return pieces
