"""Live demo events: a continuation of the history, neither gap nor repetition."""

from __future__ import annotations

import pytest

from appliance.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from appliance.demo import Live, history
from appliance.demo.wire import Event
from appliance.demo.world import World
from appliance.testing import START_US

NOW_US = START_US + 47 * DAY_US + 3 * HOUR_US


DAYS = 6
"""Of the history: longer than the longest consequence, so that a woken world has a past it slept through."""


@pytest.fixture(scope="module")
def told() -> list[list[Event]]:
    """Half an hour of live events, second by second, from a Tuesday night on."""
    live = Live(NOW_US, days=DAYS)
    return [live.step(NOW_US + second * SECOND_US) for second in range(1, 1_801)]


def key(event: Event) -> tuple[object, ...]:
    return event["event_type"], event["user_id"], event["timestamp"], event.get("campaign_id")


def test_even_at_night_something_comes_in_bursts(told: list[list[Event]]) -> None:
    """An event in six or seven seconds, most seconds without any and some with several."""
    sizes = [len(step) for step in told]
    assert 0.08 <= sum(sizes) / len(sizes) <= 0.3
    assert 0 in sizes
    assert max(sizes) >= 2


def test_it_continues_the_history_exactly(told: list[list[Event]]) -> None:
    """History and live events together are what one world tells that never slept."""
    whole = World(NOW_US, days=DAYS, seed=1789, scale=1.0)
    whole.advance(NOW_US)
    expected = [event for _, event in whole.advance(NOW_US + 30 * MINUTE_US)]
    assert expected == [event for step in told for event in step]


def test_nothing_is_told_twice(told: list[list[Event]]) -> None:
    """No live event equals one of the history, nor one told before."""
    before = [key(event) for batch in history(NOW_US, days=DAYS) for event in batch]
    after = [key(event) for step in told for event in step]
    assert set() == set(before) & set(after)
    assert len(after) == len(set(after))


def test_messages_of_the_past_are_opened(told: list[list[Event]]) -> None:
    """Someone opens a message that was sent before the live events began."""
    events = [event for step in told for event in step]
    sent = {(event["user_id"], event["campaign_id"]) for event in events if event["event_type"] == "email_sent"}
    opened = {(event["user_id"], event["campaign_id"]) for event in events if event["event_type"] == "email_opened"}
    assert opened - sent


def test_a_step_without_time_tells_nothing() -> None:
    """Asked twice at one instant, or with a clock set back, it has nothing to tell."""
    live = Live(NOW_US, scale=0.2)
    live.step(NOW_US + MINUTE_US)
    assert [] == live.step(NOW_US + MINUTE_US)
    assert [] == live.step(NOW_US)


def test_after_a_long_sleep_life_goes_on_from_now() -> None:
    """A laptop that slept for a week isn't asked to tell the week."""
    live = Live(NOW_US, scale=0.2)
    woken_us = NOW_US + 7 * DAY_US
    assert [] == live.step(woken_us)
    assert live.step(woken_us + 5 * MINUTE_US)
