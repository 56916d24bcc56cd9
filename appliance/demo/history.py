"""Thirty days of a growth team's events, for a demo that begins with something to see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.clock import DAY_US
from appliance.demo.wire import Event
from appliance.demo.world import SLOT_US, World

DEFAULT_SEED: Final = 1789
DEFAULT_DAYS: Final = 30
_BATCH = 2_000


def history(
    now_us: int, *, days: int = DEFAULT_DAYS, seed: int = DEFAULT_SEED, scale: float = 1.0
) -> Iterator[list[Event]]:
    """Batches of at least 2,000 events (the last may be smaller), in order of time, from
    ``days`` before ``now_us`` to ``now_us`` inclusive; the same for the same arguments.

    About half a million events for 30 days; ``scale`` multiplies the rates.
    """
    world = World(now_us, days=days, seed=seed, scale=scale)
    first_us = now_us - days * DAY_US
    world.advance(first_us - 1)
    batch: list[Event] = []
    for to_us in range(first_us, now_us + SLOT_US, SLOT_US):
        batch += [event for _, event in world.advance(min(to_us, now_us))]
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
