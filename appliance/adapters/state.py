"""How a mirror stands, as operators see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from appliance.clock import Clock
from appliance.log.position import Position

_logger = structlog.get_logger(__name__)

State = Literal["up", "down", "paused", "foreign"]
"""``up``: it is written to, or has nothing to write. ``down``: its target fails, and is tried again. ``paused``: an
operator told it to rest. ``foreign``: its cursor belongs to another log, and it waits for ``rebuild``."""
SILENCE_SECONDS: Final = 60.0
"""A piece of work that has lasted so long is told as a failure, though it has not ended."""
_NOT_YET: Final = "it has not been reached yet"


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    """One mirror at one moment."""

    state: State
    error: str | None
    """Why it isn't up, in words and without secrets."""
    lag_events: int
    """Events of the log that it doesn't hold yet."""
    lag_seconds: float
    """For how long the first of them has been waiting; 0 where there is none."""
    cursor: str | None
    """The text of the position up to which it holds everything, as last seen."""
    mirrored: int
    """Events that were given to the target since the process began, those it refused included."""
    refused: int
    """Dead letters: events that its target refused for good."""
    dropped: int
    """Dead letters let go beyond the bound."""
    rebuilding: bool
    """It was told to begin anew and hasn't begun yet."""

    def part(self) -> dict[str, Any]:
        """As ``/ready`` shows it."""
        return {
            "status": self.state,
            "error": self.error,
            "lag_events": self.lag_events,
            "lag_seconds": round(self.lag_seconds, 3),
        }

    def plain(self, name: str) -> dict[str, Any]:
        """As ``GET /v1/mirrors`` shows it."""
        return {
            "name": name,
            **self.part(),
            "cursor": self.cursor,
            "mirrored": self.mirrored,
            "dead_letters": self.refused,
            "dead_letters_dropped": self.dropped,
            "rebuilding": self.rebuilding,
        }


@dataclass(slots=True)
class Standing:
    """How one mirror stands; written in its runner's thread, each field at once, and read in any."""

    name: str
    clock: Clock
    state: State = "down"
    error: str | None = _NOT_YET
    paused: bool = False
    rebuilding: bool = False
    mirrored: int = 0
    refused: int = 0
    dropped: int = 0
    _call_began: float | None = None

    def begin_call(self) -> None:
        """A piece of work begins, of which nobody knows whether it ends."""
        self._call_began = self.clock.monotonic()

    def end_call(self) -> None:
        self._call_began = None

    def become(self, state: State, error: str | None) -> None:
        """Change the state, and log it where it is another or for another reason."""
        if (state, error) == (self.state, self.error):
            return
        self.state, self.error = state, error
        tell = _logger.info if state == "up" else _logger.warning
        tell("mirror", mirror=self.name, state=state, error=error)

    def status(self, cursor: Position | None, lag: tuple[int, float]) -> MirrorStatus:
        """What is told now, given where the cursor is and how far behind that is."""
        state, error = self._told()
        return MirrorStatus(
            state=state,
            error=error,
            lag_events=lag[0],
            lag_seconds=lag[1],
            cursor=None if cursor is None else str(cursor),
            mirrored=self.mirrored,
            refused=self.refused,
            dropped=self.dropped,
            rebuilding=self.rebuilding,
        )

    def _told(self) -> tuple[State, str | None]:
        if self.paused:
            return "paused", None
        began = self._call_began
        lasted = 0.0 if began is None else self.clock.monotonic() - began
        if lasted > SILENCE_SECONDS:
            return "down", f"it has been at one piece of work for {lasted:.0f} s"
        return self.state, self.error
