"""Long work in a thread, read by an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from appliance.api.worker_stream import Emit, ReaderGone, ReaderTooSlow, WorkerStream
from appliance.errors import LogUnavailable


async def test_everything_emitted_comes_out_in_order() -> None:
    """More pieces than may wait come out whole, and the stream ends with the work."""

    def work(emit: Emit) -> None:
        for number in range(50):
            emit(b"%d" % number)

    assert [b"%d" % number for number in range(50)] == [piece async for piece in WorkerStream(work, "work").pieces()]


async def test_what_the_work_raises_reaches_the_reader() -> None:
    """A fault comes after the pieces before it."""

    def work(emit: Emit) -> None:
        emit(b"first")
        raise LogUnavailable

    pieces = WorkerStream(work, "work").pieces()
    assert b"first" == await anext(pieces)
    with pytest.raises(LogUnavailable):
        await anext(pieces)


async def test_work_ends_when_its_reader_leaves() -> None:
    """A reader that hangs up ends endless work at its next step."""
    ended = threading.Event()

    def work(emit: Emit) -> None:
        try:
            while True:
                emit(b"more")
        except ReaderGone:
            ended.set()
            raise

    pieces = WorkerStream(work, "work").pieces()
    assert b"more" == await anext(pieces)
    await pieces.aclose()
    assert await asyncio.to_thread(ended.wait, 10)


async def test_work_waits_for_a_slow_reader() -> None:
    """Only a few pieces are made ahead of the reader."""
    made: list[int] = []

    def work(emit: Emit) -> None:
        for number in range(100):
            made.append(number)
            emit(b"x")

    pieces = WorkerStream(work, "work").pieces()
    await anext(pieces)
    await asyncio.sleep(0.05)
    assert len(made) <= 7
    await pieces.aclose()


async def test_a_slow_reader_is_cut_off_where_the_log_waits() -> None:
    """Work that holds the log and waits for its reader lets go when the log is to be closed, and the reader hears."""
    closing = threading.Event()

    def work(emit: Emit) -> None:
        while True:
            emit(b"x")

    pieces = WorkerStream(work, "work", is_unwanted=closing.is_set).pieces()
    assert b"x" == await anext(pieces)
    closing.set()
    await asyncio.sleep(0.6)
    with pytest.raises(LogUnavailable):
        _ = [piece async for piece in pieces]


async def test_a_reader_that_takes_nothing_is_given_up() -> None:
    """Work whose reader is out of patience ends, and the reader hears of it behind what was emitted before."""
    ended = threading.Event()

    def work(emit: Emit) -> None:
        try:
            while True:
                emit(b"x")
        finally:
            ended.set()

    pieces = WorkerStream(work, "work", patience_seconds=0.1, niceness=1).pieces()
    assert b"x" == await anext(pieces)
    assert await asyncio.to_thread(ended.wait, 10)
    with pytest.raises(ReaderTooSlow):
        _ = [piece async for piece in pieces]
