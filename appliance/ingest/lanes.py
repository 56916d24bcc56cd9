"""Where a body is decoded: on the event loop where that is quick, else in one of two threads beside it.

What a decoder takes for a byte differs by a factor of a hundred. A body that was made to keep it busy must not hold up
those of others, so bodies dense with values wait for each other, and for nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from appliance.ingest.inflate import inflate

T = TypeVar("T")

# Larger bodies are decoded beside the event loop, so that small requests don't wait for them.
_INLINE_BYTES: Final = 512 * 1024
# Small enough to be quick whatever they hold.
_QUICK_BYTES: Final = 1024
# Up to here all of a body is looked at, beyond it a sample.
_WHOLE_BYTES: Final = 16 * 1024
_SAMPLE_STRIDE: Final = 61  # a prime: short patterns don't hide between the samples
# Events have one value in some twenty bytes, what was made to keep a decoder busy has one in two.
_BYTES_PER_VALUE: Final = 10


def is_quick(body: bytes) -> bool:
    """Whether decoding takes no longer than the event loop may be held."""
    size = len(body)
    return size <= _QUICK_BYTES or (size <= _INLINE_BYTES and not _is_dense(body))


def _is_dense(body: bytes) -> bool:
    sample = body if len(body) <= _WHOLE_BYTES else body[::_SAMPLE_STRIDE]
    values = sample.count(b",") + sample.count(b"{") + sample.count(b"[") + sample.count(b"\n")
    return values * _BYTES_PER_VALUE >= len(sample)


class Lanes:
    """Two threads that decode. Their jobs are CPU-bound: more threads would only take turns."""

    def __init__(self) -> None:
        self._usual = ThreadPoolExecutor(1, "decode")
        self._dense = ThreadPoolExecutor(1, "decode-dense")

    async def inflate(self, body: bytes, encoding: str, limit_bytes: int) -> bytes:
        """The body without its encoding; raises as ``appliance.ingest.inflate``."""
        return await asyncio.get_running_loop().run_in_executor(self._usual, inflate, body, encoding, limit_bytes)

    async def decode(self, body: bytes, job: Callable[[bytes], T]) -> T:
        """``job(body)``, in the lane that the body belongs into."""
        lane = self._dense if _is_dense(body) else self._usual
        return await asyncio.get_running_loop().run_in_executor(lane, job, body)

    def close(self) -> None:
        """Let the threads end."""
        self._usual.shutdown(wait=False, cancel_futures=True)
        self._dense.shutdown(wait=False, cancel_futures=True)
