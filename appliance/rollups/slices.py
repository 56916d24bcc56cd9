"""Cutting a log of any size into slices that fit in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from appliance.clock import DAY_US

SLICE_ENTRIES: Final = 1_000_000
"""About how many rows one slice has."""

_KEYS: Final = 1 << 64


def day_spans(days: Iterable[tuple[int, int]], most: int = SLICE_ENTRIES) -> Iterator[tuple[int, int, int]]:
    """Spans ``from_us, to_us, entries`` of whole days, of at most ``most`` entries where a day has no more.

    ``days`` are pairs of a day's start and its number of entries, in order of time.
    """
    from_us = to_us = entries = 0
    for start_us, count in days:
        if entries and entries + count > most:
            yield from_us, to_us, entries
            entries = 0
        if not entries:
            from_us = start_us
        to_us = start_us + DAY_US
        entries += count
    if entries:
        yield from_us, to_us, entries


def key_spans(entries: int, most: int = SLICE_ENTRIES) -> Iterator[tuple[int, int]]:
    """Spans ``low, high`` (both included) that cover all user keys; keys are hashes, so they fill evenly."""
    count = slice_count(entries, most)
    edges = [_KEYS * number // count for number in range(count + 1)]
    for low, high in pairwise(edges):
        yield low, high - 1


def slice_count(entries: int, most: int = SLICE_ENTRIES) -> int:
    """How many slices ``entries`` make, at least one."""
    return max(1, -(-entries // most))
