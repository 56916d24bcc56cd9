"""How long things took, counted into fixed buckets: cheap enough for every request and every commit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds at which buckets end, those of the Prometheus client from a millisecond on."""


class Durations:
    """A histogram of seconds. One thread adds; any may read, and then sees each duration in one bucket."""

    __slots__ = ("_counts", "bounds", "seconds")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = tuple(bounds)
        self.seconds = 0.0
        """All durations added up."""
        self._counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        # a duration that equals a bound lies below it, as Prometheus has it
        self._counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    @property
    def count(self) -> int:
        return sum(self._counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """For each bound, and infinity at last, how many durations were not above it."""
        below, found = 0, []
        for bound, count in zip((*self.bounds, float("inf")), tuple(self._counts), strict=True):
            below += count
            found.append((bound, below))
        return found
