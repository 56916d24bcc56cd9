"""A server that answers as it is told, for what no real Elasticsearch can be made to answer."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Answering = Callable[["Request"], "Reply"]


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def ids(self) -> list[str]:
        """Of a bulk request, the documents' ids."""
        return [json.loads(line)["index"]["_id"] for line in self.body.splitlines()[::2]]


@dataclass(frozen=True)
class Reply:
    """What is answered; as Elasticsearch, unless ``headers`` says otherwise."""

    status: int
    body: Any
    headers: dict[str, str] = field(
        default_factory=lambda: {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
    )


def root(number: str = "8.16.6", **version: str) -> dict[str, Any]:
    """What a server says of itself."""
    return {"name": "one", "version": {"number": number, **version}}


def all_taken(request: Request) -> Reply:
    """Every document of a bulk request was written; everything else is done, nothing is there before."""
    if request.path == "/":
        return Reply(200, root())
    if request.path.startswith("/_bulk"):
        return Reply(200, {"errors": False, "items": [{"index": {"status": 201}} for _ in request.ids]})
    if request.path.startswith("/_resolve"):
        return Reply(200, {"indices": [], "aliases": [], "data_streams": []})
    return Reply(200, {"acknowledged": True, "index_templates": []})


class FakeElasticsearch:
    """``answering`` makes each answer and may be changed at any time; ``requests`` keeps what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answering: Answering = all_taken
        self.requests: list[Request] = []

    @property
    def bulks(self) -> list[Request]:
        return [request for request in self.requests if request.path.startswith("/_bulk")]


@contextmanager
def fake_elasticsearch(tls: ssl.SSLContext | None = None) -> Iterator[FakeElasticsearch]:
    """One that listens on a port of the kernel's choice, encrypted where a context is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            fake.requests.append(request)
            reply = fake.answering(request)
            text = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - as the library calls them

        def log_message(self, *arguments: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    fake = FakeElasticsearch(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
