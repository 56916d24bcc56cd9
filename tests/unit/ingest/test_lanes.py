"""Bodies that were made to keep a decoder busy hold up neither the event loop nor other people's bodies."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from appliance.ingest.lanes import Lanes, is_quick

_EVENT = {"event_type": "email_opened", "user_id": "user-1", "properties": {"campaign": "spring", "n": 3}}


@pytest.mark.parametrize("count", [1, 10, 100, 3_000])
def test_plain_events_are_quick(count: int) -> None:
    """Batches of plain events up to half a megabyte are decoded where they arrive."""
    assert is_quick(json.dumps([_EVENT] * count).encode())


@pytest.mark.parametrize("piece", [b"1,", b"[", b"{},", b"[],", b"\n", b'"a":1,', b'{"a":'])
@pytest.mark.parametrize("size", [2_000, 16_000, 100_000])
def test_bodies_dense_with_values_are_not(piece: bytes, size: int) -> None:
    """Two kilobytes of brackets or single digits already go to a thread."""
    assert not is_quick(piece * (size // len(piece)))


def test_a_large_body_is_not_quick() -> None:
    """Whatever it holds."""
    assert not is_quick(b" " * 600_000)


async def test_a_dense_body_holds_up_no_other() -> None:
    """While one is at work, usual bodies are decoded and inflated; another dense one waits for its turn."""
    lanes, release = Lanes(), threading.Event()
    try:
        bomb = asyncio.ensure_future(lanes.decode(b"[" * 10_000, lambda _: release.wait(60)))
        second = asyncio.ensure_future(lanes.decode(b"1," * 10_000, lambda _: "second"))
        usual = b'{"event_type":"x","user_id":"u"}' * 1_000
        assert len(usual) == await lanes.decode(usual, len)
        with pytest.raises(Exception, match="gzip"):
            await lanes.inflate(b"no gzip", "gzip", 1_000)
        assert not bomb.done()
        assert not second.done()
        release.set()
        assert await bomb
        assert "second" == await second
    finally:
        release.set()
        lanes.close()
