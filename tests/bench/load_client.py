"""A load client that costs little beside the server it loads: raw sockets, requests rendered beforehand."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec


@dataclass(slots=True)
class Load:
    """What came of a load: seconds in all, and of each request how long its answer took."""

    seconds: float = 0.0
    accepted: int = 0
    latencies: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


class UnexpectedAnswer(Exception):
    """Something else than a 202 that accepts every event of its request."""


class _Counts(msgspec.Struct):
    accepted: int
    duplicates: int
    rejected: list[msgspec.Raw]


_counts = msgspec.json.Decoder(_Counts)


class _Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    transport: asyncio.Transport

    def __init__(self, load: Load, events_each: int) -> None:
        self._load = load
        self._events_each = events_each
        self._received = b""
        self._began = 0.0
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(UnexpectedAnswer(f"the connection was closed: {exc}"))

    def send(self, request: bytes, began: float) -> asyncio.Future[None]:
        """Send; the future is done when the answer was checked. Latency counts from ``began``."""
        self.answered = asyncio.get_running_loop().create_future()
        self._began = began
        self.transport.write(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        self._received = b""
        self._load.latencies.append(time.perf_counter() - self._began)
        try:
            self._check(head, body)
        except UnexpectedAnswer as fault:
            self.answered.set_exception(fault)
        else:
            self.answered.set_result(None)

    def _check(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 202"):
            raise UnexpectedAnswer((head + b"\n" + body)[:600].decode(errors="replace"))
        counts = _counts.decode(body)
        if (counts.accepted, counts.duplicates, len(counts.rejected)) != (self._events_each, 0, 0):
            raise UnexpectedAnswer(body[:600].decode(errors="replace"))
        self._load.accepted += counts.accepted


async def flood(port: int, requests: Sequence[bytes], events_each: int, connections: int) -> Load:
    """Send all ``requests`` as fast as they are answered, over that many connections."""
    load = Load()
    waiting = deque(requests)
    opened = [await _open(port, load, events_each) for _ in range(min(connections, len(requests)))]

    async def work(connection: _Connection) -> None:
        while waiting:
            await connection.send(waiting.popleft(), time.perf_counter())

    began = time.perf_counter()
    await asyncio.gather(*map(work, opened))
    load.seconds = time.perf_counter() - began
    _close(opened)
    return load


async def pace(port: int, requests: Sequence[bytes], events_each: int, per_second: float) -> Load:
    """Send ``requests`` at a steady rate, whether or not earlier ones were answered.

    Latency counts from the planned instant, so that a stall shows in every request that it delays.
    """
    load = Load()
    idle: asyncio.Queue[_Connection] = asyncio.Queue()
    opened = [await _open(port, load, events_each) for _ in range(16)]
    for connection in opened:
        idle.put_nowait(connection)

    async def one(request: bytes, planned: float) -> None:
        connection = await idle.get()
        await connection.send(request, planned)
        idle.put_nowait(connection)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            planned = began + number / per_second
            await asyncio.sleep(max(0.0, planned - time.perf_counter()))
            group.create_task(one(request, planned))
    load.seconds = time.perf_counter() - began
    _close(opened)
    return load


async def _open(port: int, load: Load, events_each: int) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(load, events_each), "127.0.0.1", port)
    return connection


def _close(connections: Sequence[_Connection]) -> None:
    for connection in connections:
        if not connection.answered.done():
            connection.answered.cancel()
        connection.transport.close()


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0])
