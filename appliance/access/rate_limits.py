"""How often a caller may call: the generic cell rate algorithm, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST_NAMES: Final = 20_000


class RateLimiter:
    """Allows each name ``rate`` calls a second on average and ``burst`` at once. One event loop uses it.

    It remembers one number a name, when its allowance would be whole again (ITU-T I.371, virtual scheduling). Of
    more names than fit, those seen least recently start anew.
    """

    def __init__(self, rate: float, burst: float, monotonic: Callable[[], float]) -> None:
        self._interval = 1 / rate
        self._tolerance = (max(1.0, burst) - 1) * self._interval
        self._monotonic = monotonic
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> float:
        """Count a call: 0 when it is allowed, else the seconds until one would be, and then it does not count."""
        wait = self.wait(name)
        if wait == 0:
            self.count(name)
        return wait

    def wait(self, name: str) -> float:
        """Seconds until a call would be allowed, without counting one."""
        whole_at = self._whole_at.get(name, 0.0)
        return max(0.0, whole_at - self._tolerance - self._monotonic())

    def count(self, name: str) -> None:
        """Count a call that is made in any case."""
        self._whole_at[name] = max(self._monotonic(), self._whole_at.get(name, 0.0)) + self._interval
        self._whole_at.move_to_end(name)
        if len(self._whole_at) > _MOST_NAMES:
            self._whole_at.popitem(last=False)
