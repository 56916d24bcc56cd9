"""All connections of a listener together: how many there may be, how long each may take, and who is out of time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

_LOOK_EVERY_SECONDS: Final = 1.0
# A refused body is let in for so long after its answer, so that its sender gets to read that.
LINGER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may cost; the defaults are those of the settings of the same names."""

    max_connections: int = 4_096
    max_header_bytes: int = 32 * 1024
    max_headers: int = 100
    max_target_bytes: int = 8 * 1024
    header_timeout_seconds: float = 10.0
    idle_timeout_seconds: float = 75.0

    @property
    def look_every_seconds(self) -> float:
        """How often connections are looked at; no time-out is exacter than this."""
        return min(_LOOK_EVERY_SECONDS, self.header_timeout_seconds / 4, self.idle_timeout_seconds / 4)


class Member(Protocol):
    """A connection as the crowd sees it."""

    def look(self, now: float) -> None:
        """End the connection where it is out of time."""


@dataclass(slots=True)
class Crowd:
    """Counts connections and looks at each of them every second, which costs a request nothing.

    ``now`` is the loop's time of the last look: connections note by it since when they wait. Used from one loop.
    """

    limits: Limits
    now: float = 0.0
    open_connections: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Requests and connections that were turned away before any application saw them, by code."""

    def is_full(self) -> bool:
        return self.open_connections >= self.limits.max_connections

    async def watch(self, members: Callable[[], Iterable[Member]]) -> None:
        """Look at the connections again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.now = loop.time()
            for member in list(members()):
                member.look(self.now)
            await asyncio.sleep(self.limits.look_every_seconds)
