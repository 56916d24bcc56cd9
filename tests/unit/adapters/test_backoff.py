"""Waits between tries."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from appliance.adapters.backoff import FIRST_SECONDS, MOST_SECONDS, Backoff


def test_bounds_double_up_to_the_most() -> None:
    """Without jitter the waits are 0.5, 1, 2, … and from the eighth on 60 s."""
    backoff = Backoff(uniform=lambda _low, high: high)
    assert [0.5, 1, 2, 4, 8, 16, 32, 60, 60] == [backoff.failed() for _ in range(9)]
    backoff.succeeded()
    assert backoff.failed() == 0.5


@given(st.integers(0, 2**32), st.integers(1, 2_000))
def test_waits_are_drawn_within_the_bounds(seed: int, failures: int) -> None:
    """However many failures and whatever the chance: no wait is a busy loop, and none is longer than the most."""
    backoff = Backoff(uniform=random.Random(seed).uniform)
    waits = [backoff.failed() for _ in range(failures)]
    assert FIRST_SECONDS / 10 <= min(waits)
    assert max(waits) <= MOST_SECONDS


def test_waits_differ() -> None:
    """The jitter is full: two mirrors that failed at once don't come back at once."""
    one, other = (Backoff(uniform=random.Random(seed).uniform, failures=7) for seed in (1, 2))
    assert [one.failed() for _ in range(5)] != [other.failed() for _ in range(5)]
