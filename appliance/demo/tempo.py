"""How much happens when: growth over the weeks, the rhythm of week and day, and a lively present."""

from __future__ import annotations

import math
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from appliance.clock import DAY_US, HOUR_US, to_datetime
from appliance.demo.people import ZONES

# Activity by local hour, midnight first; the mean is 1.
_BY_HOUR: Final = (
    0.35, 0.20, 0.12, 0.10, 0.12, 0.25, 0.60, 1.00, 1.40, 1.65, 1.70, 1.55,
    1.45, 1.40, 1.45, 1.45, 1.40, 1.30, 1.20, 1.25, 1.35, 1.30, 0.90, 0.55,
)  # fmt: skip
_BY_WEEKDAY: Final = (1.08, 1.15, 1.15, 1.10, 1.02, 0.72, 0.78)

_GROWTH_PER_DAY = 0.04
_RAMP_US = 4 * HOUR_US
_ZONES = [ZoneInfo(zone.name) for zone in ZONES]


class Rates(NamedTuple):
    """What begins per second at one instant, for the whole world."""

    visits: float
    mails: float
    registrations: float


_AT_PRESENT = Rates(visits=0.0135, mails=0.027, registrations=0.0017)
"""Before the ramp, at the end of the history's growth."""

_LIVE = Rates(visits=0.15, mails=0.20, registrations=0.006)
"""While someone watches: a little over one event a second in all."""


class Tempo:
    """The rates around ``now_us``, where the history ends and the live events begin.

    During the last four hours of the history the rates rise to the live ones, so that no chart breaks
    at the seam; from then on they never fall below the floor that keeps a dashboard moving at night.
    """

    def __init__(self, now_us: int, scale: float) -> None:
        self._now_us = now_us
        self._scale = scale

    def rates(self, at_us: int) -> Rates:
        """What begins per second at ``at_us``."""
        days_before = max(0, self._now_us - at_us) / DAY_US
        rhythm = sum(zone.share * factor for zone, factor in zip(ZONES, zone_factors(at_us), strict=True))
        past = rhythm * math.exp(-_GROWTH_PER_DAY * days_before)
        live = self._liveliness(at_us)
        present = live * (0.75 + 0.25 * rhythm)
        return Rates(
            *(
                self._scale * (past * (1 - live) * slow + present * quick)
                for slow, quick in zip(_AT_PRESENT, _LIVE, strict=True)
            )
        )

    def _liveliness(self, at_us: int) -> float:
        reached = min(1.0, max(0.0, 1 - (self._now_us - at_us) / _RAMP_US))
        return reached * reached * (3 - 2 * reached)


def zone_factors(at_us: int) -> list[float]:
    """How active each of ``ZONES`` is at ``at_us``, by its local hour and weekday; 1 is the mean."""
    moment = to_datetime(at_us)
    local = [moment.astimezone(zone) for zone in _ZONES]
    return [_BY_HOUR[time.hour] * _BY_WEEKDAY[time.weekday()] for time in local]
