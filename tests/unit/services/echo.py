"""A service that says back what it hears, in this process."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Echo(socketserver.ThreadingTCPServer):
    """``heard`` is what all connections sent, ``ended`` counts those that are over."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.heard = b""
        self.ended = threading.Semaphore(0)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Connection(socketserver.BaseRequestHandler):
    server: Echo

    def handle(self) -> None:
        with suppress(OSError):
            while heard := self.request.recv(65_536):
                self.server.heard += heard
                self.request.sendall(heard)
        self.server.ended.release()


@contextmanager
def echo() -> Iterator[Echo]:
    """It serves from here to the end."""
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
