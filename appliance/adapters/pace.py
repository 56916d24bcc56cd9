"""Something that is done again and again, but not too often."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.clock import Clock


@dataclass(slots=True)
class Pace:
    """At most once in ``every_seconds``."""

    every_seconds: float
    clock: Clock
    _next: float = float("-inf")

    def is_due(self) -> bool:
        """Whether it is time; where it is, the next time is so many seconds from now."""
        moment = self.clock.monotonic()
        if moment < self._next:
            return False
        self._next = moment + self.every_seconds
        return True
