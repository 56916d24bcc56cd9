"""Live demo events: the same people and campaigns, from where the history ended."""

from __future__ import annotations

from appliance.clock import DAY_US
from appliance.demo.history import DEFAULT_DAYS, DEFAULT_SEED
from appliance.demo.wire import Event
from appliance.demo.world import LONGEST_US, World


class Live:
    """What happens from ``now_us`` on, told step by step.

    An event comes every few seconds, about one a second while a newsletter is sent, fewer at night.
    With the arguments of ``history`` it continues that history exactly, opens and clicks of messages
    sent before ``now_us`` included. Making one costs a good half second.
    """

    def __init__(self, now_us: int, *, days: int = DEFAULT_DAYS, seed: int = DEFAULT_SEED, scale: float = 1.0) -> None:
        self._days, self._seed, self._scale = days, seed, scale
        self._told_us = now_us
        self._world = self._woken(now_us)

    def step(self, now_us: int) -> list[Event]:
        """The events since the step before, up to and including ``now_us``, in order of time.

        After a gap of more than a day (a laptop that slept) life goes on from ``now_us`` instead.
        """
        if now_us - self._told_us > DAY_US:
            self._world, self._told_us = self._woken(now_us), now_us
        self._told_us = max(self._told_us, now_us)
        return [event for _, event in self._world.advance(now_us)]

    def _woken(self, now_us: int) -> World:
        asleep_until_us = now_us - LONGEST_US
        world = World(now_us, days=self._days, seed=self._seed, scale=self._scale, awake_us=asleep_until_us)
        world.advance(now_us)
        return world
