from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import Overloaded
from appliance.ingest.limits import ByteBudget, Reservation


def test_what_does_not_fit_is_refused_and_given_back() -> None:
    """Beside others up to the limit and not a byte more; what is over gives its room back."""
    budget = ByteBudget(100)
    with Reservation(budget) as first:
        first.grow_to(60)
        with Reservation(budget) as second:
            second.grow_to(40)
            with pytest.raises(Overloaded):
                second.grow_to(41)
        with Reservation(budget) as third, pytest.raises(Overloaded):
            third.grow_to(41)
        assert 60 == budget.taken_bytes
    assert 0 == budget.taken_bytes


def test_alone_anything_fits() -> None:
    """At once or bit by bit: a body above the limit would else be refused for ever."""
    budget = ByteBudget(100)
    for steps in ([500], [50, 90, 500]):
        with Reservation(budget) as alone:
            for step in steps:
                alone.grow_to(step)
            assert 500 == budget.taken_bytes
            with Reservation(budget) as other, pytest.raises(Overloaded):
                other.grow_to(1)
    assert 0 == budget.taken_bytes


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120)), max_size=30))
def test_the_sum_is_kept(steps: list[tuple[int, int]]) -> None:
    """Whatever grows in whatever order: taken is the sum of what is held, and above the limit only for one alone."""
    budget = ByteBudget(100)
    held = [0, 0, 0, 0]
    reservations = [Reservation(budget) for _ in held]
    for who, size in steps:
        try:
            reservations[who].grow_to(size)
            held[who] = max(held[who], size)
        except Overloaded:
            assert sum(held) + size - held[who] > 100
        assert sum(held) == budget.taken_bytes
        assert budget.taken_bytes <= 100 or sum(size > 0 for size in held) == 1
    for reservation in reservations:
        reservation.__exit__()
    assert 0 == budget.taken_bytes
