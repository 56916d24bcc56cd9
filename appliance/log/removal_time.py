"""The time by which things are removed for good: never later than what the log itself bears out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from appliance.clock import DAY_US, Clock, SteadyTime, iso

_logger = structlog.get_logger(__name__)

LONG_PAUSE_US: Final = 7 * DAY_US


class RemovalTime:
    """The clock, as far as it can be believed.

    While the process runs, only time that passes counts: setting the clock ahead removes nothing. When it starts more
    than seven days after the log's newest event was received, either it was away for long or the clock is wrong. Which
    of them it is nobody can tell, so until the next start time goes on from that event. A clock that is behind the
    others is believed at once: it removes too little.
    """

    def __init__(self, clock: Clock, newest_us: Callable[[], int | None]) -> None:
        self._clock = clock
        self._steady = SteadyTime(clock)
        self._newest_us = newest_us
        self._held_back_us: int | None = None

    def now_us(self) -> int:
        """Asks the log at the first call, so not for an event loop."""
        if self._held_back_us is None:
            self._held_back_us = self._doubt()
        return min(self._clock.now_us(), self._steady.now_us() - self._held_back_us)

    def _doubt(self) -> int:
        newest_us, now_us = self._newest_us(), self._steady.made_us
        if newest_us is None or now_us - newest_us <= LONG_PAUSE_US:
            return 0
        _logger.warning(
            "the clock is far ahead of the newest event: nothing expires by it until the next start",
            clock=iso(now_us),
            newest_event=iso(newest_us),
        )
        return now_us - newest_us
