"""One way through a test proxy, and what is wrong with it."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_CHUNK: Final = 65_536
_CHUNKS_UNDER_WAY: Final = 1_024
_SILENCE_POLL_SECONDS: Final = 0.01
_SLICE_SECONDS: Final = 0.05
_UnderWay = asyncio.Queue[tuple[float, bytes | None]]


class Cut(Exception):
    """The connection is to break here; what was written to ``after``, if any, is still to arrive."""

    def __init__(self, after: asyncio.StreamWriter | None = None) -> None:
        super().__init__()
        self.after = after


class Direction:
    """Its attributes may be set from any thread, and count from the next bytes on.

    ``delay_seconds``: bytes arrive that much later; many can be under way.
    ``bytes_per_second``: no more than that pass, for each connection; 0 is no limit.
    ``silent``: bytes are held back, and go on when it is False again.
    ``passed``: how many bytes have arrived.
    """

    def __init__(self) -> None:
        self.delay_seconds = 0.0
        self.bytes_per_second = 0
        self.silent = False
        self.passed = 0
        self._bytes_until_cut: int | None = None

    def cut_after(self, count: int) -> None:
        """Let ``count`` more bytes pass and then break the connection that carried them, once."""
        self._bytes_until_cut = count

    @property
    def cut_is_due(self) -> bool:
        """Whether ``cut_after`` still waits for its bytes."""
        return self._bytes_until_cut is not None

    def restore(self) -> None:
        """Nothing is wrong with it any more."""
        self.delay_seconds = 0.0
        self.bytes_per_second = 0
        self.silent = False
        self._bytes_until_cut = None

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes until ``reader`` ends, and pass that on; raises ``Cut`` or ``OSError``."""
        under_way: _UnderWay = asyncio.Queue(_CHUNKS_UNDER_WAY)
        reading = asyncio.ensure_future(self._read(reader, under_way))
        try:
            while await self._deliver_next(under_way, writer):
                pass
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader, under_way: _UnderWay) -> None:
        """Note when each piece is due; an empty one is the end, None a broken connection."""
        piece: bytes | None = b"more"
        while piece:
            try:
                piece = await reader.read(_CHUNK)
            except OSError:
                piece = None
            await under_way.put((time.monotonic() + self.delay_seconds, piece))

    async def _deliver_next(self, under_way: _UnderWay, writer: asyncio.StreamWriter) -> bool:
        """Whether there may be more."""
        due, piece = await under_way.get()
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        while self.silent:
            await asyncio.sleep(_SILENCE_POLL_SECONDS)
        if piece is None:
            raise Cut
        if not piece:
            if writer.can_write_eof():
                writer.write_eof()
            return False
        while piece:
            size = self._slice(len(piece))
            await self._write(piece[:size], writer)
            piece = piece[size:]
        return True

    def _slice(self, size: int) -> int:
        """How much to write at once: little, when the way is narrow."""
        if not self.bytes_per_second:
            return size
        return max(1, min(size, int(self.bytes_per_second * _SLICE_SECONDS)))

    async def _write(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        if self.bytes_per_second:
            await asyncio.sleep(len(piece) / self.bytes_per_second)
        allowed = self._bytes_until_cut
        if allowed is not None and allowed <= len(piece):
            self._bytes_until_cut = None
            self.passed += allowed
            writer.write(piece[:allowed])
            raise Cut(writer)
        self.passed += len(piece)  # before a test can know that they arrived
        writer.write(piece)
        if allowed is not None:
            self._bytes_until_cut = allowed - len(piece)
        await writer.drain()
