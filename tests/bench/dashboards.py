"""People who look on: each has loaded the page and keeps its web socket open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect


@dataclass(slots=True)
class Audience:
    """What the viewers received while they looked on."""

    messages: int = 0
    bytes: int = 0
    tick_ms: list[float] = field(default_factory=list)
    """How long the appliance took to compute each snapshot, as one viewer was told."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What the newest snapshot says, by name."""

    def revenue(self, currency: str) -> float:
        """The newest revenue of 24 hours in a currency."""
        return float(self.metrics["revenue_24h"]["by_currency"].get(currency, 0))


@asynccontextmanager
async def watched(ui_port: int, viewers: int) -> AsyncIterator[Audience]:
    """``viewers`` open dashboards for as long as the block runs; every one has got its first message."""
    audience = Audience()
    origin = f"http://127.0.0.1:{ui_port}"
    async with httpx.AsyncClient(timeout=60, follow_redirects=True) as browser:
        for _ in range(viewers):
            (await browser.get(f"{origin}/")).raise_for_status()
    sockets = [await connect(f"ws://127.0.0.1:{ui_port}/live", origin=origin, max_size=None) for _ in range(viewers)]  # type: ignore[arg-type]
    for number, socket in enumerate(sockets):
        _note(audience, await asyncio.wait_for(socket.recv(), 30), first=number == 0)
    readers = [asyncio.create_task(_read(socket, audience, first=number == 0)) for number, socket in enumerate(sockets)]
    try:
        yield audience
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in sockets))


async def _read(socket: ClientConnection, audience: Audience, *, first: bool) -> None:
    async for message in socket:
        _note(audience, message, first=first)


def _note(audience: Audience, message: str | bytes, *, first: bool) -> None:
    audience.messages += 1
    audience.bytes += len(message)
    if first:
        told: Any = msgspec.json.decode(message)
        if told["type"] == "snapshot":
            audience.tick_ms.append(float(told["snapshot"]["tick_ms"]))
            audience.metrics = told["snapshot"]["metrics"]
