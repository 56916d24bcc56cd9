"""A TCP proxy whose way can be slow, narrow, cut or silent, for tests of what happens then.

A test holds a ``Proxy`` in a ``with`` and gives its ``port`` to a client. ``up`` is the way from the client to the
service, ``down`` the way back. What is set counts at once, for connections that are open too::

    proxy.down.delay_seconds = 0.2        # each answer takes that much longer
    proxy.up.bytes_per_second = 100_000
    proxy.down.silent = True              # the service does it, the client never hears of it
    proxy.up.cut_after(10_000)            # 10,000 bytes pass, then the connection breaks in the middle
    proxy.cut()                           # all connections break now; new ones are served
    proxy.refuse()                        # and new ones are refused
    proxy.restore()                       # as at the beginning
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from tests.services.direction import Cut, Direction
from tests.services.ports import free_port

_RESET: Final = struct.pack("ii", 1, 0)
_TIMEOUT_SECONDS: Final = 10
_FAREWELL_SECONDS: Final = 0.01
"""Time for transports to end before the loop does."""


class Proxy:
    """Between ``port``, its own on 127.0.0.1, and ``target_port`` there; it runs from its making to ``close()``."""

    def __init__(self, target_port: int, port: int | None = None) -> None:
        self.target_port = target_port
        self.port = port or free_port()
        self.up = Direction()
        self.down = Direction()
        self.accepted = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-proxy", daemon=True)
        self._thread.start()
        self.accept()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    def cut(self) -> None:
        """Break all open connections with a reset, on both sides."""
        self._do(self._cut)

    def refuse(self) -> None:
        """Break all, and let no new ones in: clients see that nobody listens."""
        self._do(self._refuse)

    def accept(self) -> None:
        """Let connections in again, on the same port."""
        self._wait(self._listen())

    def restore(self) -> None:
        """Take back all that was set; what was held goes on."""
        self.up.restore()
        self.down.restore()
        self.accept()

    def close(self) -> None:
        """Break all and end; nothing when it has ended."""
        if self._loop.is_closed():
            return
        self.refuse()
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT_SECONDS)
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the proxy's thread do it, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_SECONDS)

    def _do(self, act: Callable[[], None]) -> None:
        done: Future[None] = Future()

        def run() -> None:
            act()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(_TIMEOUT_SECONDS)

    async def _listen(self) -> None:
        if self._server is None:
            listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            self._server = await asyncio.start_server(self._serve, sock=listener)

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()

    def _cut(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(_FAREWELL_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        self._writers.add(writer)
        try:
            with suppress(OSError, Cut, asyncio.CancelledError):
                await self._connect(reader, writer)
                writer.close()
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            _reset(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service_reader, service_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._writers.add(service_writer)
        ways = [
            asyncio.ensure_future(self.up.carry(reader, service_writer)),
            asyncio.ensure_future(self.down.carry(service_reader, writer)),
        ]
        try:
            await asyncio.gather(*ways)
            service_writer.close()
        except Cut as cut:
            if cut.after is not None:
                cut.after.close()  # a reset might overtake what was written
            raise
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(service_writer)
            _reset(service_writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break it, unless it is closing already; what the other side hasn't read may be lost."""
    if writer.is_closing():
        return
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
