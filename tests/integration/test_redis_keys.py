"""The keys that other programs read: names, lifetimes, figures and alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from appliance.clock import DAY_US, HOUR_US, MINUTE_US
from appliance.testing import START_US, make_row
from tests.integration.mirror_conformance import Told, Written, nothing_refused
from tests.integration.redis_target import RedisTarget
from tests.services.redis import Redis

_ALERT = {
    "rule": "high_bounce_rate",
    "labels": {},
    "state": "firing",
    "value": 0.07,
    "threshold": 0.05,
    "condition": "bounce_rate > 0.05",
    "severity": "critical",
    "message": "Email bounce rate above 5%",
    "since": "2026-01-01T00:00:00Z",
    "silenced": False,
}


@pytest.fixture
def target(redis: Redis) -> Iterator[RedisTarget]:
    """A Redis that is empty."""
    with RedisTarget.made_on(redis) as target:
        yield target


def _write(target: RedisTarget, log: Written, told: Told | None = None) -> None:
    mirror = target.connect()
    mirror.setup()
    for batch in log.batches(mirror.cursor()):
        mirror.write(batch, told or nothing_refused)


def test_counters_and_their_lifetimes(target: RedisTarget) -> None:
    """By minute of the event for an hour, by user for a day, beginning anew; what is older than that is skipped."""
    now_us, log = target.clock.now_us(), Written()
    ages = (0, HOUR_US, HOUR_US + 1, DAY_US, DAY_US + 1)
    log.append([make_row("email_sent", "ada", now_us - age) for age in ages])
    _write(target, log)
    assert {
        "event:email_sent:202601010000": 1,
        "event:email_sent:202512312300": 1,
        "user:ada:email_sent": 4,
    } == target.counters()
    target.tell("EXPIRE", "user:ada:email_sent", 10)
    log.append([make_row("email_sent", "ada", now_us)])
    _write(target, log)
    assert 3_590 <= target.tell("TTL", "event:email_sent:202601010000") <= 3_600
    assert 86_390 <= target.tell("TTL", "user:ada:email_sent") <= 86_400
    assert 5 == target.counters()["user:ada:email_sent"]


def test_counters_that_an_earlier_program_left(target: RedisTarget) -> None:
    """A first mirror begins at nothing: counters that live are removed, what is no counter stays as it is."""
    strangers = {"user:1:name": "Ada", "user:1:visits": "3", "event:x:y": "1", "other": "1", "userx:1:a": "7"}
    for key, value in strangers.items():
        target.tell("SET", key, value)
    target.tell("SET", "user:1:email_sent", 40, "EX", 1_000)
    target.tell("SET", "event:email_sent:202601010000", 40, "EX", 1_000)
    target.tell("RPUSH", "user:1:list", "x")
    target.tell("EXPIRE", "user:1:list", 1_000)
    log = Written()
    log.append([make_row("email_sent", "1", START_US)])
    _write(target, log)
    expected = strangers | {"user:1:email_sent": "1", "event:email_sent:202601010000": "1"}
    assert expected == target.texts(0)
    assert 1 == target.tell("LLEN", "user:1:list")


def test_a_counter_that_is_something_else(target: RedisTarget) -> None:
    """An event whose counter is another program's key is refused; it alone, and the key stays."""
    log, told = Written(), Told()
    log.append([make_row("email_sent", user, START_US) for user in ("list", "text", "big", "fine")])
    target.tell("RPUSH", "user:list:email_sent", "x")
    target.tell("SET", "user:text:email_sent", "x")
    target.tell("SET", "user:big:email_sent", 2**63 - 1)
    _write(target, log, told)
    assert [1, 2, 3] == [event.seq for event in told.events]
    assert {"event:email_sent:202601010000": "1", "user:fine:email_sent": "1"} == {
        key: value
        for key, value in target.texts(0).items()
        if key not in {"user:text:email_sent", "user:big:email_sent"}
    }


def test_figures(target: RedisTarget) -> None:
    """Current values as bare numbers in both databases; one without data has no key."""
    mirror = target.connect()
    mirror.publish({"conversions_1h": 3, "email_open_rate_1h": 12.5, "revenue_growth_24h": -1.25, "revenue_1h": None})
    mirror.publish({"conversions_1h": 4, "email_open_rate_1h": None})
    expected = {"metric:conversions_1h": "4", "metric:revenue_growth_24h": "-1.25"}
    assert expected == target.texts(1) == target.texts(2)
    assert {} == target.texts(0)


def test_alerts(target: RedisTarget) -> None:
    """One that fires is shown for an hour under its rule, minute and labels; another isn't."""
    mirror = target.connect()
    target.clock.set(START_US + 61 * MINUTE_US)
    mirror.publish_alert(_ALERT)
    mirror.publish_alert(_ALERT | {"labels": {"mailbox_provider": "gmail"}})
    mirror.publish_alert(_ALERT | {"rule": "low_conversion_rate", "state": "no_data", "value": None})
    shown = {key: json.loads(text) for key, text in target.texts(3).items()}
    alert = {
        "rule_name": "high_bounce_rate",
        "severity": "critical",
        "message": "Email bounce rate above 5%",
        "current_value": 0.07,
        "threshold": 0.05,
        "timestamp": "2026-01-01T01:01:00Z",
        "labels": {},
    }
    assert {
        "alert:high_bounce_rate:202601010101": alert,
        "alert:high_bounce_rate:202601010101:gmail": alert | {"labels": {"mailbox_provider": "gmail"}},
    } == shown
    assert 3_590 <= target.tell("TTL", "alert:high_bounce_rate:202601010101", database=3) <= 3_600
