"""The demo's figures: what a dashboard shows of it is believable whatever the time is."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import datetime
from statistics import mean

import pytest

from appliance.clock import DAY_US, HOUR_US, MINUTE_US, from_datetime
from appliance.demo import Live, history
from appliance.demo.tempo import Tempo
from appliance.demo.wire import Event
from appliance.events.labels import label_open
from appliance.events.types import MACHINE_LABELS, PASSIVE_TYPES

MOMENTS = (
    "2026-02-16T00:00Z",  # Monday: compares a Sunday with a Saturday
    "2026-02-17T09:30Z",  # Tuesday morning, compared with a Monday that a Sunday precedes
    "2026-02-18T15:00Z",  # Wednesday, in the middle of a newsletter
    "2026-02-19T21:00Z",  # Thursday evening
    "2026-02-20T12:00Z",  # Friday noon
    "2026-02-21T18:00Z",  # Saturday: half a weekend against a Friday
    "2026-02-22T04:00Z",  # Sunday night, when least happens
    "2026-07-07T06:00Z",  # Tuesday of another season
)


class Past:
    """The last two days before ``now_us``, and plain counts of stretches of them."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us
        self._events = [event for batch in history(now_us, days=2) for event in batch]
        self._instants = [instant(event) for event in self._events]

    def window(self, hours: float, ago: float = 0) -> list[Event]:
        """The events of that many hours, up to ``ago`` hours before now."""
        to_us = self._now_us - int(ago * HOUR_US)
        first, last = (bisect_right(self._instants, at_us) for at_us in (to_us - int(hours * HOUR_US), to_us))
        return self._events[first:last]


@pytest.fixture(scope="module", params=MOMENTS)
def past(request: pytest.FixtureRequest) -> Past:
    return Past(us(request.param))


def us(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


def instant(event: Event) -> int:
    return us(event["timestamp"])


def counts(events: list[Event]) -> Counter[str]:
    return Counter(event["event_type"] for event in events)


def revenue(events: list[Event]) -> float:
    paid = (event["properties"] for event in events if event["event_type"] == "conversion")
    return sum(float(each["revenue"]) for each in paid if each["currency"] == "USD")


def active_users(events: list[Event]) -> int:
    return len({event["user_id"] for event in events if _is_active(event)})


def _is_active(event: Event) -> bool:
    if event["event_type"] == "email_opened":
        return label_open(event["properties"]) not in MACHINE_LABELS
    return event["event_type"] not in PASSIVE_TYPES


def test_a_day_resembles_the_day_before(past: Past) -> None:
    """Growth over 24 hours of revenue, conversions and active users lies between -40 and +60 percent."""
    day, before = past.window(24), past.window(24, ago=24)
    assert 0.6 <= revenue(day) / revenue(before) <= 1.6
    assert 0.6 <= counts(day)["conversion"] / counts(before)["conversion"] <= 1.6
    assert 0.6 <= active_users(day) / active_users(before) <= 1.6


def test_rates_of_a_day_are_believable(past: Past) -> None:
    """Open rate and click-to-open rate of 24 hours are those of a healthy programme."""
    of_day = counts(past.window(24))
    assert 0.25 <= of_day["email_opened"] / of_day["email_sent"] <= 0.45
    assert 0.08 <= of_day["email_clicked"] / of_day["email_opened"] <= 0.15


def test_the_last_hour_is_lively(past: Past) -> None:
    """At any time mail is sent, read and clicked, people buy, and hardly a minute is empty."""
    last = past.window(1)
    of_hour = counts(last)
    assert all(of_hour[kind] > 0 for kind in ("email_sent", "email_opened", "email_clicked", "conversion"))
    assert len({instant(event) // MINUTE_US for event in last}) >= 54


def test_revenue_has_no_spike(past: Past) -> None:
    """No hour of the last 24 earns more than about three times the mean, nor does the last."""
    hours = [revenue(past.window(1, ago)) for ago in range(24)]
    assert max(hours) <= 3 * mean(hours)


def test_there_is_no_ramp(past: Past) -> None:
    """The last four hours hold about as much as the same hours the day before."""
    assert 0.6 <= len(past.window(4)) / len(past.window(4, ago=24)) <= 1.6


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_present_and_past_have_one_rhythm(scale: float) -> None:
    """An hour's rates are those of the hour a week later less a few percent of growth, across the seam too."""
    now_us = us(MOMENTS[0])
    tempo = Tempo(now_us, scale)
    for hour in range(-7 * 24, 0):
        before, after = (tempo.rates(now_us + hour * HOUR_US + week * 7 * DAY_US) for week in (0, 1))
        assert all(0.95 <= old / young <= 1.0 for old, young in zip(before, after, strict=True))


def test_nights_keep_a_third_of_the_peak() -> None:
    """As the people live in many zones, the quietest hour of a week has a third of the busiest one's rates."""
    now_us = us(MOMENTS[0])
    visits = [Tempo(now_us, 1.0).rates(now_us + hour * HOUR_US).visits for hour in range(7 * 24)]
    assert 0.33 <= min(visits) / max(visits) <= 0.45


@pytest.mark.parametrize(("began", "least", "most"), [("2026-02-17T15:00Z", 0.5, 1.5), ("2026-02-17T19:00Z", 0.2, 0.6)])
def test_live_is_lively_by_day(began: str, least: float, most: float) -> None:
    """By day an event comes every two to five seconds, and about one a second while a newsletter is sent."""
    began_us = us(began)
    told = Live(began_us, days=6).step(began_us + HOUR_US)
    assert least <= len(told) / 3600 <= most
