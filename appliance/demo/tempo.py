"""How much happens when: growth over the weeks and the rhythm of week and day, past and present alike."""

from __future__ import annotations

import math
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from appliance.clock import DAY_US, to_datetime
from appliance.demo.people import ZONES

# Activity by local hour, midnight first; the mean is 1.
_BY_HOUR: Final = (
    0.35, 0.20, 0.12, 0.10, 0.12, 0.25, 0.60, 1.00, 1.40, 1.65, 1.70, 1.55,
    1.45, 1.40, 1.45, 1.45, 1.40, 1.30, 1.20, 1.25, 1.35, 1.30, 0.90, 0.55,
)  # fmt: skip
_BY_WEEKDAY: Final = (1.08, 1.15, 1.15, 1.10, 1.02, 0.72, 0.78)

_GROWTH_PER_DAY = 0.006
_ALWAYS: Final = 0.1
"""The part of all activity that knows no night or weekend: some work late, some far away."""

_ZONES = [ZoneInfo(zone.name) for zone in ZONES]


class Rates(NamedTuple):
    """What begins per second at one instant, for the whole world."""

    visits: float
    mails: float
    registrations: float


_AVERAGE = Rates(visits=0.0235, mails=0.0275, registrations=0.0011)
"""Over a week at the end of the history's growth; with the campaigns about a fifth of an event a second."""


class Tempo:
    """The rates before and after ``now_us``, where the history ends and the live events begin.

    The business grows until then and keeps its size from then on; nothing else tells the two apart,
    so that a day's figures can be compared with those of the day before wherever the seam lies.
    """

    def __init__(self, now_us: int, scale: float) -> None:
        self._now_us = now_us
        self._scale = scale

    def rates(self, at_us: int) -> Rates:
        """What begins per second at ``at_us``."""
        days_before = max(0, self._now_us - at_us) / DAY_US
        local = sum(zone.share * factor for zone, factor in zip(ZONES, zone_factors(at_us), strict=True))
        rhythm = _ALWAYS + (1 - _ALWAYS) * local
        factor = self._scale * rhythm * math.exp(-_GROWTH_PER_DAY * days_before)
        return Rates(*(factor * rate for rate in _AVERAGE))


def zone_factors(at_us: int) -> list[float]:
    """How active each of ``ZONES`` is at ``at_us``, by its local hour and weekday; 1 is the mean."""
    moment = to_datetime(at_us)
    local = [moment.astimezone(zone) for zone in _ZONES]
    return [_BY_HOUR[time.hour] * _BY_WEEKDAY[time.weekday()] for time in local]
