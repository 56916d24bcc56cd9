"""Time, injected: logic takes a ``Clock`` and never asks the system itself.

An instant is an ``int``: microseconds since 1970-01-01T00:00:00Z, in names that end in ``_us``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where logic gets the time from."""

    def now_us(self) -> int:
        """The present instant, in microseconds since the epoch; may jump when the system's clock is set."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, for measuring how long something took."""


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        return time.monotonic()


class SteadyTime:
    """The time of day when this was made, plus what has passed since: no setting of the clock moves it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.made_us = clock.now_us()
        self._made_at = clock.monotonic()

    def now_us(self) -> int:
        return self.made_us + round((self._clock.monotonic() - self._made_at) * SECOND_US)


def to_datetime(instant_us: int) -> datetime:
    """The instant as an aware ``datetime`` in UTC."""
    return _EPOCH + timedelta(microseconds=instant_us)


def from_datetime(moment: datetime) -> int:
    """Microseconds since the epoch of ``moment``; one without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def iso(instant_us: int) -> str:
    """ISO 8601 in UTC with as many decimals as needed: ``2026-01-31T12:00:00Z``."""
    return to_datetime(instant_us).isoformat().replace("+00:00", "Z")
