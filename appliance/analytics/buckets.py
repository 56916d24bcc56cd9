"""Minutes, hours and days as a zone's clocks and calendars have them.

A bucket is what lies between two *edges*, instants in UTC. A day begins at its first instant, so one
in which clocks change has 23 or 25 hours (or half an hour more or less). An hour that clocks show
twice is two buckets, told apart by the offset of their starts; where clocks change by half an hour,
the hour in which they do is cut there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from appliance.analytics.zones import stretches
from appliance.clock import DAY_US, HOUR_US, MINUTE_US
from appliance.errors import BadArgument

Interval = Literal["minute", "hour", "day"]

WIDTH_US: Final[dict[Interval, int]] = {"minute": MINUTE_US, "hour": HOUR_US, "day": DAY_US}
"""How long a bucket is when no clock changes."""

INTERVALS: Final[tuple[Interval, ...]] = get_args(Interval)

# A date that a zone leaves out altogether (Samoa, 2011-12-30) and a bucket to either side.
_MARGIN = 3


@dataclass(frozen=True)
class Run:
    """Neighbouring buckets of equal width."""

    first: int
    """The number of its first bucket among all."""
    start_us: int
    end_us: int
    width_us: int


def interval_named(name: str) -> Interval:
    """The interval; ``BadArgument`` (field ``interval``) for any other word."""
    for interval in INTERVALS:
        if name == interval:
            return interval
    raise BadArgument(f"interval {name[:80]!r} is none of {', '.join(INTERVALS)}", field="interval")


def edges_around(interval: Interval, zone: ZoneInfo, from_us: int, to_us: int) -> list[int]:
    """The edges of the whole buckets that hold [from, to): the first ≤ from, the last ≥ to."""
    margin = _MARGIN * WIDTH_US[interval]
    edges = _edges(interval, zone, from_us - margin, to_us + margin)
    return edges[bisect_right(edges, from_us) - 1 : bisect_left(edges, to_us) + 1]


def last_edges(interval: Interval, zone: ZoneInfo, as_of_us: int, count: int) -> list[int]:
    """The edges of the ``count`` buckets of which the last one holds ``as_of_us``."""
    return edges_before(interval, zone, edges_around(interval, zone, as_of_us, as_of_us + 1)[-1], count)


def edges_before(interval: Interval, zone: ZoneInfo, edge_us: int, count: int) -> list[int]:
    """The edges of the last ``count`` buckets that end at or before ``edge_us``, an edge itself."""
    reach = (count + _MARGIN) * WIDTH_US[interval]
    edges = _edges(interval, zone, edge_us - reach, edge_us + 1)
    return edges[-count - 1 :]


def runs(edges: list[int]) -> list[Run]:
    """The buckets as runs of equal width, for finding an instant's bucket by division."""
    found: list[Run] = []
    for number, (start, end) in enumerate(pairwise(edges)):
        if found and found[-1].width_us == end - start:
            found[-1] = Run(found[-1].first, found[-1].start_us, end, end - start)
        else:
            found.append(Run(number, start, end, end - start))
    return found


def _edges(interval: Interval, zone: ZoneInfo, low_us: int, high_us: int) -> list[int]:
    """All edges in [low, high)."""
    width = WIDTH_US[interval]
    edges: list[int] = []
    latest = (low_us - 1 + stretches(zone, low_us, low_us + 1)[0][2]) // width
    for start, end, offset in stretches(zone, low_us, high_us):
        slot = (start + offset) // width
        begins = slot > latest if interval == "day" else start > low_us or slot > latest
        if begins:
            edges.append(start)
        following = max(slot, latest) + 1 if interval == "day" else slot + 1
        edges.extend(range(following * width - offset, end, width))
        latest = max(latest, (end - 1 + offset) // width)
    return edges
