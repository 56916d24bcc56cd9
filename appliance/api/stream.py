"""``GET /v1/stream``: server-sent events with each snapshot, and a sample of the events that come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

import duckdb
import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from appliance.access.door import Shown
from appliance.analytics.hub import Snapshot
from appliance.analytics.sample import newest_events
from appliance.api.answers import PROBLEMS
from appliance.api.parts import Parts, WithParts

router = APIRouter(prefix="/v1", tags=["figures"], responses=PROBLEMS)

SAMPLE: Final = 20
_PULSE_SECONDS: Final = 15.0
_SAMPLE_SECONDS: Final = 1.0


@router.get(
    "/stream",
    summary="Live figures and events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def read_stream(request: Request, parts: WithParts) -> StreamingResponse:
    """`snapshot` on every change, whole; `events` with at most 20 of the events accepted in a second.

    Ends when the key or the session that opened it does.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    messages = stream_messages(parts, _welcome(request, parts))
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


def _welcome(request: Request, parts: Parts) -> Callable[[], bool]:
    shown = Shown(
        authorization=request.headers.get("authorization", ""), cookie="; ".join(request.headers.getlist("cookie"))
    )
    return lambda: parts.access.door.still_knows(request.method, request.url.path, shown)


async def stream_messages(parts: Parts, is_welcome: Callable[[], bool] = lambda: True) -> AsyncGenerator[bytes, None]:
    """The messages for one listener, as they go over the wire, for as long as it ``is_welcome``.

    They are made in the event loop that reads them, whichever that is.
    """
    inbox = _Inbox(asyncio.get_running_loop())
    unsubscribe = parts.hub.subscribe(inbox.put)
    try:
        yield b"retry: 2000\n\n"
        latest = parts.hub.latest()
        if latest is not None:
            yield _message("snapshot", latest.version, latest.encoded)
        seen = parts.log.tail().seq
        while not parts.is_stopping() and is_welcome():
            snapshot = await inbox.get(_SAMPLE_SECONDS)
            if snapshot is not None:
                yield _message("snapshot", snapshot.version, snapshot.encoded)
            tail = parts.log.tail().seq
            if tail > seen:
                events = await parts.queries.run(_Sample(seen))
                yield _message("events", tail, msgspec.json.encode({"events": events}))
                seen = tail
            elif snapshot is None and inbox.is_silent():
                yield b": still here\n\n"
    finally:
        unsubscribe()


class _Sample:
    def __init__(self, after: int) -> None:
        self._after = after

    def __call__(self, cursor: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
        return newest_events(cursor, after_seq=self._after, limit=SAMPLE)


class _Inbox:
    """Holds the newest snapshot for one listener: a slow one misses some rather than fall behind."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._newest: Snapshot | None = None
        self._arrived = asyncio.Event()
        self._silent_since = loop.time()

    def put(self, snapshot: Snapshot) -> None:
        """From any thread; a loop that has ended wants nothing more."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._keep, snapshot)

    def _keep(self, snapshot: Snapshot) -> None:
        self._newest = snapshot
        self._arrived.set()

    async def get(self, timeout: float) -> Snapshot | None:
        """The newest snapshot not yet taken, or ``None`` after ``timeout`` seconds without one."""
        try:
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
        except TimeoutError:
            return None
        self._arrived.clear()
        newest, self._newest = self._newest, None
        return newest

    def is_silent(self) -> bool:
        """Whether nothing was said for so long that a proxy might hang up."""
        now = self._loop.time()
        if now - self._silent_since < _PULSE_SECONDS:
            return False
        self._silent_since = now
        return True


def _message(event: str, number: int, data: bytes) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (event.encode(), number, data)
