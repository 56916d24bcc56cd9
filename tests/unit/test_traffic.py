"""Counting durations and requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from appliance.durations import BOUNDS, Durations
from appliance.testing import SettableClock
from appliance.traffic import Traffic


@given(st.lists(st.one_of(st.sampled_from(BOUNDS), st.floats(0, 100))))
def test_a_bucket_holds_what_is_not_above_its_bound(durations: list[float]) -> None:
    """Cumulative buckets are what a plain count gives, bounds themselves included."""
    counted = Durations()
    for seconds in durations:
        counted.add(seconds)
    bounds = [*BOUNDS, float("inf")]
    assert [(bound, sum(1 for one in durations if one <= bound)) for bound in bounds] == counted.cumulative()
    assert len(durations) == counted.count
    assert sum(durations) == counted.seconds


def test_invented_methods_share_one_label() -> None:
    """Whatever methods callers invent, memory holds one more entry and no more."""
    traffic = Traffic(SettableClock().monotonic)
    for number in range(1_000):
        traffic.answered("/v1/events", f"METHOD{number}", 405, 0.01, "id")
    assert {("/v1/events", "other", 405): 1_000} == traffic.counts


def test_failed_and_slow_requests_are_told_once_a_second() -> None:
    """A flood of failures makes a line a second, which says how many it stands for; the quick and good make none."""
    clock = SettableClock()
    traffic = Traffic(clock.monotonic)
    with capture_logs() as lines:
        for _ in range(10):
            traffic.answered("/v1/events", "POST", 503, 0.01, "first")
        clock.advance(1)
        traffic.answered("/v1/events", "POST", 503, 0.01, "second")
        traffic.answered("/v1/heatmap", "GET", 200, 1.5, "third")
        traffic.answered("/v1/heatmap", "GET", 404, 0.5, "fourth")
    told = [(line["event"], line["request_id"], line["status"], line["passed_over"]) for line in lines]
    assert [
        ("a request failed", "first", 503, 0),
        ("a request failed", "second", 503, 9),
        ("a request was slow", "third", 200, 0),
    ] == told
