"""HTTP by hand, for requests that no client library would send."""

from __future__ import annotations

import http.client
import json
import socket

from tests.acceptance.server import Answer, Server


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


def ask(server: Server, method: str, path: str, *headers: tuple[str, str]) -> Answer:
    """One request as it is written here, its path untouched; of an endless answer the beginning."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (("Content-Length", "0"), *headers):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        endless = answer.headers.get_content_type() == "text/event-stream"
        body = b"" if endless else answer.read()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
    finally:
        connection.close()
