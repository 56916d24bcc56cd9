"""Tornado's HTTP server with bounds: on connections, on the size and time of requests, and on clients that stall."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, Final
from weakref import WeakSet

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from appliance.listening.files import share_of_files
from appliance.listening.sockets import AcceptingSocket, drop_stalled_after

MOST_CONNECTIONS: Final = 1_024
_WORDS: Final = b"Too many connections for now."
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_WORDS), _WORDS)
)
LIMITS: Final = {
    "max_header_size": 32 * 1024,
    # nothing is uploaded here: the largest body is a form with a key in it
    "max_body_size": 64 * 1024,
    "body_timeout": 10.0,
    # between requests, and for the headers of one
    "idle_connection_timeout": 75.0,
}
STALLED_SECONDS: Final = 30.0


class BoundedHTTPServer(HTTPServer):
    """``HTTPServer`` for ``HTTPServer.configure``; web sockets count as connections as long as they are open."""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        super().initialize(*args, **(kwargs | LIMITS))
        self._most = share_of_files(MOST_CONNECTIONS, quarters=1)
        self._streams: WeakSet[IOStream] = WeakSet()

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        taken_over = [AcceptingSocket.of(listening) for listening in sockets]
        for listening in taken_over:
            drop_stalled_after(listening, STALLED_SECONDS)
        super().add_sockets(taken_over)

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        if len(self._streams) >= self._most:
            # a stream's one close callback belongs to the protocol, so those that have ended are found by looking
            self._streams = WeakSet(known for known in self._streams if not known.closed())
        if len(self._streams) >= self._most:
            stream.write(_BUSY).add_done_callback(lambda _: stream.close())
            return
        self._streams.add(stream)
        super().handle_stream(stream, address)
