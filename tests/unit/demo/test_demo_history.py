"""The demo's history: believable, valid, the same every time."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from statistics import mean

import msgspec
import pytest

from appliance.clock import DAY_US, HOUR_US, from_datetime, to_datetime
from appliance.demo import history
from appliance.demo.wire import Event
from appliance.events.batch import judge
from appliance.events.normalise import Intake
from appliance.events.parsed import WireLimits
from appliance.events.types import KNOWN_TYPES
from appliance.testing import START_US

NOW_US = START_US + 47 * DAY_US + 3 * HOUR_US
"""A Tuesday night."""


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return [event for batch in history(NOW_US) for event in batch]


def instant(event: Event) -> int:
    return from_datetime(to_datetime(0).fromisoformat(event["timestamp"]))


def window(events: list[Event], hours: float) -> list[Event]:
    since_us = NOW_US - int(hours * HOUR_US)
    return [event for event in events[-200_000:] if instant(event) > since_us]


def count(events: list[Event]) -> Counter[str]:
    return Counter(event["event_type"] for event in events)


def test_its_size_fits_a_start_within_seconds(events: list[Event]) -> None:
    """Thirty days are about half a million events: enough to look at, few enough to write at once."""
    assert 450_000 <= len(events) <= 550_000


def test_batches_are_worth_a_transaction() -> None:
    """Every batch but the last holds at least 2,000 events."""
    sizes = [len(batch) for batch in history(NOW_US, days=1)]
    assert min(sizes[:-1]) >= 2_000


def test_order_and_bounds(events: list[Event]) -> None:
    """Events come in order of time, none before the first day and none in the future."""
    instants = [instant(event) for event in events]
    assert instants == sorted(instants)
    assert instants[0] >= NOW_US - 30 * DAY_US
    assert instants[-1] <= NOW_US


def test_every_event_is_accepted(events: list[Event]) -> None:
    """The decoder that judges senders' events refuses none of these; every fourth stands for all."""
    intake = Intake(received_us=NOW_US, source="demo", base_currency="USD", oldest_us=0, latest_us=NOW_US)
    judged = judge(map(msgspec.json.encode, events[::4]), WireLimits(), intake)
    assert [] == judged.rejected
    assert len(events[::4]) == len(judged.rows)


def test_same_arguments_same_events() -> None:
    """Seed and instant decide everything; another seed tells another story."""

    def start(seed: int) -> list[Event]:
        return next(history(NOW_US, days=1, seed=seed, scale=0.3))

    assert start(1) == start(1)
    assert start(1) != start(2)


def test_every_type_occurs(events: list[Event]) -> None:
    """Each known type but the rare drop is there, and one custom type."""
    assert set(KNOWN_TYPES) - {"email_dropped"} | {"feature_used"} == set(count(events))


def test_rates_of_the_month_are_believable(events: list[Event]) -> None:
    """Bounces, complaints, unsubscribes and errors stay below what alerts."""
    of_month = count(events)
    sends = of_month["email_sent"]
    assert 0.01 <= of_month["email_bounced"] / sends <= 0.02
    assert 0.0001 <= of_month["email_complained"] / sends <= 0.001
    assert 0.002 <= of_month["email_unsubscribed"] / sends <= 0.005
    assert 0.001 <= of_month["error"] / of_month["api_request"] <= 0.006


def test_the_week_has_a_pattern(events: list[Event]) -> None:
    """Weekday afternoons are busy, nights and weekends quiet, and the dullest hour is not dead."""
    by_hour = [[0] * 24 for _ in range(7)]
    for event in window(events, 7 * 24):
        moment = to_datetime(instant(event))
        by_hour[moment.weekday()][moment.hour] += event["event_type"] == "feature_used"
    weekdays = by_hour[:5]
    afternoons = mean(count for day in weekdays for count in day[14:20])
    nights = mean(count for day in weekdays for count in day[3:7])
    weekends = mean(count for day in by_hour[5:] for count in day)
    assert 1.6 <= afternoons / nights <= 3
    assert 0.65 <= weekends / mean(count for day in weekdays for count in day) <= 0.9
    assert min(map(min, by_hour)) >= 0.2 * afternoons


def test_every_week_resembles_the_one_before(events: list[Event]) -> None:
    """The business grows by a few percent a week, without a jump towards the present."""
    weeks = Counter((NOW_US - instant(event)) // (7 * DAY_US) for event in events)
    assert all(1.0 <= weeks[number] / weeks[number + 1] <= 1.1 for number in range(3))


def test_some_people_are_power_users(events: list[Event]) -> None:
    """Of the readers one to four in a hundred open, click and refer as the best do; the others are spread."""
    deeds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        deeds[event["user_id"]][event["event_type"]] += 1
    readers = [did for did in deeds.values() if did["email_opened"]]
    active = [did for did in readers if did["email_opened"] >= 5 and did["email_clicked"]]
    power = [did for did in active if did["email_opened"] >= 10 and did["email_clicked"] >= 3]
    assert 0.01 <= sum(did["referral_made"] >= 2 for did in power) / len(readers) <= 0.04
    assert 0.15 <= len(active) / len(readers) <= 0.45


def test_money(events: list[Event]) -> None:
    """Most revenue is in dollars, an order is around 40, and a few are refunded."""
    paid = [event["properties"] for event in events if event["event_type"] == "conversion"]
    orders = sorted(each["revenue"] for each in paid if each["revenue"] > 0)
    assert 30 <= orders[len(orders) // 2] <= 45
    assert 0 < sum(each["revenue"] < 0 for each in paid) / len(paid) < 0.05
    currencies = Counter(each["currency"] for each in paid)
    assert {"USD", "EUR", "GBP"} == set(currencies)
    assert currencies["USD"] > len(paid) / 2


def test_campaigns(events: list[Event]) -> None:
    """About fifteen campaigns with names as teams give them, each sent to many people."""
    sends = Counter(event["campaign_id"] for event in events if event["event_type"] == "email_sent")
    assert 12 <= len(sends) <= 18
    assert min(sends.values()) >= 500
    assert {"weekly-digest-2026-w07", "daily-digest", "onboarding-drip"} <= set(sends)


def test_effects_follow_their_causes(events: list[Event]) -> None:
    """In the second half of the month each delivery, open and click has an earlier send of its campaign."""
    sent = set()
    orphans = 0
    for event in events:
        person = event["user_id"], event.get("campaign_id")
        if event["event_type"] == "email_sent":
            sent.add(person)
        elif event["event_type"] in {"email_delivered", "email_opened", "email_clicked"}:
            orphans += person not in sent and instant(event) > NOW_US - 15 * DAY_US
    assert orphans == 0


def test_referred_people_register_and_convert(events: list[Event]) -> None:
    """Of those who were referred, some register later, and some of these buy."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        kinds[event["user_id"]].add(event["event_type"])
    referred = {each["properties"]["referred_user_id"] for each in events if each["event_type"] == "referral_made"}
    registered = [person for person in referred if "user_registration" in kinds[person]]
    assert 0.25 <= len(registered) / len(referred) <= 0.5
    assert any("conversion" in kinds[person] for person in registered)


def test_people_register_once(events: list[Event]) -> None:
    """Nobody registers twice."""
    registrations = [event["user_id"] for event in events if event["event_type"] == "user_registration"]
    assert len(registrations) == len(set(registrations))


def test_scale_shrinks_it() -> None:
    """A tenth of the scale is about a tenth of the events."""
    whole = sum(map(len, history(NOW_US, days=1)))
    tenth = sum(map(len, history(NOW_US, days=1, scale=0.1)))
    assert 0.05 <= tenth / whole <= 0.2


@pytest.mark.parametrize("weekday", range(7))
def test_it_can_begin_on_any_day(weekday: int) -> None:
    """Whatever day it is, there is a history with mail in it."""
    batches = islice(history(NOW_US + weekday * DAY_US, days=3, scale=0.05), 3)
    assert "email_sent" in count([event for batch in batches for event in batch])
