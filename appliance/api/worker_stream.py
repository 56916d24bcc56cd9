"""The output of long work in a thread of its own, for an event loop that sends it on."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Final

from appliance.errors import LogUnavailable

Emit = Callable[[bytes], None]

_PIECES_AHEAD: Final = 4
_LOOK_EVERY_SECONDS: Final = 0.25


class ReaderGone(Exception):
    """Nobody reads any more: the work is to end."""


class ReaderTooSlow(ReaderGone):
    """Somebody reads, but too slowly to be waited for."""


class WorkerStream:
    """Runs ``work`` in a thread; what it emits comes out of ``pieces``, and so does what it raises.

    ``emit`` blocks while a few pieces wait unread. It raises ``ReaderGone`` once the reader has left or has taken
    nothing for ``patience_seconds``, or ``LogUnavailable`` when it is slow and ``is_unwanted`` says that the log
    waits for this. ``niceness`` above 0 lets everything else on the machine go first. Made and read in one event loop.
    """

    def __init__(
        self,
        work: Callable[[Emit], None],
        name: str,
        is_unwanted: Callable[[], bool] = lambda: False,
        *,
        patience_seconds: float | None = None,
        niceness: int = 0,
    ) -> None:
        self._work = work
        self._is_unwanted = is_unwanted
        self._patience_seconds = patience_seconds
        self._niceness = niceness
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._room = threading.Semaphore(_PIECES_AHEAD)
        self._left = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What the work emits, as it comes; may be entered once."""
        try:
            while (piece := await self._queue.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                self._room.release()
                yield piece
        finally:
            self.leave()

    def leave(self) -> None:
        """Nobody will read on, or ever began to."""
        self._left = True
        self._room.release()

    def _run(self) -> None:
        if self._niceness:
            with suppress(OSError, AttributeError):  # a thread has a priority of its own on Linux alone
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        with suppress(ReaderGone):
            try:
                self._work(self._emit)
            except ReaderTooSlow as fault:
                self._put(fault)
            except ReaderGone:
                raise
            except Exception as fault:  # noqa: BLE001 - it belongs to the one who reads
                self._put(fault)
            else:
                self._put(None)

    def _emit(self, piece: bytes) -> None:
        began = time.monotonic()
        while not self._room.acquire(timeout=_LOOK_EVERY_SECONDS):
            if self._is_unwanted():
                raise LogUnavailable
            if self._patience_seconds is not None and time.monotonic() - began > self._patience_seconds:
                raise ReaderTooSlow(f"the client took nothing for {self._patience_seconds:g} s")
        if self._left:
            raise ReaderGone
        self._put(piece)

    def _put(self, piece: bytes | Exception | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, piece)
        except RuntimeError as fault:  # the loop has ended
            raise ReaderGone from fault
