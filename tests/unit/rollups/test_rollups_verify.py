"""Verification finds what differs from the log, and rebuilding mends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from appliance.clock import DAY_US, HOUR_US, MINUTE_US, to_datetime
from appliance.rollups.follower import advance
from appliance.rollups.rebuild import Rebuilt, rebuild
from appliance.rollups.report import LISTED
from appliance.rollups.slices import day_spans, key_spans
from appliance.rollups.state import expire
from appliance.rollups.verify import verify
from appliance.testing import START_US, make_row
from tests.unit.rollups.plain import PlainLog

ALL = ("minute", "hour", "day")
START = "TIMESTAMP '2026-01-01'"


def moment(instant_us: int) -> datetime:
    """As DuckDB gives a TIMESTAMP."""
    return to_datetime(instant_us).replace(tzinfo=None)


def followed_log() -> PlainLog:
    """Six events of two users over three days, all counted."""
    log = PlainLog()
    log.append(
        [
            make_row("conversion", "u1", START_US, event_id="a", amount=25_000, currency="USD"),
            make_row("conversion", "u1", START_US + HOUR_US, event_id="b", amount=-1, currency="EUR", campaign_id="c1"),
            make_row("email_opened", "u2", START_US + MINUTE_US, event_id="c", campaign_id=""),
            make_row("email_opened", "u2", START_US + DAY_US, event_id="d"),
            make_row("tried_it", "u2", START_US + DAY_US, event_id="e"),
            make_row("email_opened", "u1", START_US + 2 * DAY_US, event_id="f"),
        ]
    )
    follow(log)
    return log


def follow(log: PlainLog) -> None:
    advance(log, log, levels=ALL, minute_horizon_us=0)


DERIVED = {
    "a count": ("rollup_minute", f"UPDATE rollup_minute SET events = 9 WHERE start = {START}"),
    "a sum by a ten-thousandth": ("rollup_hour", "UPDATE rollup_hour SET amount = amount + 0.0001 WHERE amount > 0"),
    "no sum": ("rollup_day", "UPDATE rollup_day SET amount = NULL WHERE currency = 'EUR'"),
    "zero instead of no sum": ("rollup_day", "UPDATE rollup_day SET amount = 0 WHERE event_type = 'tried_it'"),
    "a lost bucket": ("rollup_hour", "DELETE FROM rollup_hour WHERE currency = 'EUR'"),
    "a bucket without events": (
        "rollup_day",
        "INSERT INTO rollup_day VALUES (TIMESTAMP '1969-12-31', 'x', NULL, NULL, 1, NULL)",
    ),
    "a bucket of nothing": (
        "rollup_day",
        "INSERT INTO rollup_day VALUES (TIMESTAMP '2030-01-01', 'x', NULL, NULL, 0, NULL)",
    ),
    "a bucket in two parts": (
        "rollup_day",
        f"""UPDATE rollup_day SET events = 0 WHERE campaign_id = '';
        INSERT INTO rollup_day VALUES ({START}, 'email_opened', '', NULL, 1, NULL)""",
    ),
    "a bucket off its grid": ("rollup_minute", "UPDATE rollup_minute SET start = start + INTERVAL 1 SECOND"),
    "no campaign for the empty one": ("rollup_day", "UPDATE rollup_day SET campaign_id = NULL WHERE campaign_id = ''"),
    "another currency": ("rollup_day", "UPDATE rollup_day SET currency = 'GBP' WHERE currency = 'EUR'"),
    "another type": ("rollup_day", "UPDATE rollup_day SET event_type = 'tested_it' WHERE event_type = 'tried_it'"),
    "a first time too late": ("first_seen", "UPDATE first_seen SET first_at = first_at + INTERVAL 1 MICROSECOND"),
    "a first time too early": ("first_seen", "UPDATE first_seen SET first_at = first_at - INTERVAL 1 MICROSECOND"),
    "a lost first time": ("first_seen", "DELETE FROM first_seen WHERE type_key = 13"),
    "a first time of nobody": ("first_seen", f"INSERT INTO first_seen VALUES (1, 13, {START})"),
    "a first time twice": ("first_seen", "INSERT INTO first_seen SELECT * FROM first_seen"),
}
LOG = {
    "a number twice": ("seq", "UPDATE events SET seq = 2 WHERE seq = 3"),
    "a falling number": ("seq", "UPDATE events SET seq = 0 WHERE seq = 4"),
    "an id twice": (
        "event_id",
        "UPDATE events SET event_id = (SELECT event_id FROM events WHERE seq = 1) WHERE seq = 5",
    ),
    "a type's key": ("type_key", "UPDATE events SET type_key = 13 WHERE seq = 4"),
    "an unknown type's key": ("type_key", "DELETE FROM event_types"),
    "a key given out twice": ("type_key", "INSERT INTO event_types SELECT type_key, 'other' FROM event_types"),
    "a user's key": ("user_key", "UPDATE events SET user_key = 7 WHERE seq = 6"),
    "no finite time": ("rows", "UPDATE events SET timestamp = 'infinity' WHERE seq = 6"),
    "no finite receipt": ("rows", "UPDATE events SET received_at = '-infinity' WHERE seq = 6"),
    "money without currency": ("rows", "UPDATE events SET currency = NULL WHERE seq = 1"),
    "currency without money": ("rows", "UPDATE events SET currency = 'USD' WHERE seq = 6"),
}


@pytest.mark.parametrize("slice_entries", [1, 1_000_000])
def test_an_undamaged_log_verifies(slice_entries: int) -> None:
    """All checks are made and none finds anything, however the log is sliced."""
    report = verify(followed_log(), slice_entries=slice_entries)
    checks = {"seq", "event_id", "type_key", "rows", "user_key", "rollup_minute", "rollup_hour", "rollup_day"}
    assert checks | {"first_seen"} == set(report.checks)
    assert (True, 6, 0, []) == (report.ok, report.events, report.behind, report.differences)


@pytest.mark.parametrize("slice_entries", [2, 1_000_000])
@pytest.mark.parametrize(("check", "damage"), [*DERIVED.values(), *LOG.values()], ids=[*DERIVED, *LOG])
def test_planted_damage_is_found(check: str, damage: str, slice_entries: int) -> None:
    """Each kind of damage is found by the check that is about it."""
    log = followed_log()
    log.connection.execute(damage)
    assert verify(log, slice_entries=slice_entries).checks[check] > 0


@pytest.mark.parametrize("damage", [damage for _, damage in DERIVED.values()], ids=list(DERIVED))
def test_rebuilding_mends_what_is_derived(damage: str) -> None:
    """After a rebuild nothing differs from the log any more."""
    log = followed_log()
    log.connection.execute(damage)
    rebuild(log, log, levels=ALL, minute_horizon_us=0, slice_entries=2)
    assert [] == verify(log).differences


def test_a_difference_says_what_is_right_and_what_was_found() -> None:
    """Key, expected and found are data, with decimals as they are."""
    log = followed_log()
    log.connection.execute("UPDATE rollup_day SET events = 5 WHERE event_type = 'tried_it'")
    (difference,) = verify(log).differences
    key = {"start": moment(START_US + DAY_US), "event_type": "tried_it", "campaign_id": None, "currency": None}
    assert ("rollup_day", key) == (difference.check, difference.key)
    assert {"events": 1, "amount": None, "rows": 1} == difference.expected
    assert {"events": 5, "amount": None, "rows": 1} == difference.found


def test_all_differences_are_counted_and_twenty_listed() -> None:
    """The total isn't bounded by the list."""
    log = PlainLog()
    log.append(make_row(timestamp_us=START_US + n * DAY_US) for n in range(50))
    follow(log)
    log.connection.execute("DELETE FROM rollup_day")
    report = verify(log)
    assert (50, LISTED) == (report.total, len(report.differences))


def test_events_behind_the_cursor_are_no_difference() -> None:
    """What the follower hasn't counted yet is behind, not wrong."""
    log = followed_log()
    log.append([make_row("email_sent", "u9")])
    report = verify(log)
    assert (True, 6, 1) == (report.ok, report.events, report.behind)


def test_an_unfollowed_log_verifies() -> None:
    """Without a single step of the follower all events are behind, and nothing is wrong."""
    log = PlainLog()
    log.append([make_row()])
    report = verify(log)
    assert (True, 0, 1) == (report.ok, report.events, report.behind)


def test_an_id_may_come_again_after_de_duplication_forgot_it() -> None:
    """An id stored again more than a day and two million events later is as documented."""
    log = PlainLog()
    log.append([make_row(event_id="a")])
    log.last_seq = 3_000_000
    log.append([make_row(event_id="a", received_us=START_US + DAY_US + 1)])
    follow(log)
    assert verify(log).ok


def test_first_times_outlive_their_events() -> None:
    """After expiry a first time may be earlier than anything in the log, for verify and rebuild alike."""
    log = followed_log()
    before = log.firsts()
    log.connection.execute("DELETE FROM events WHERE timestamp < TIMESTAMP '2026-01-02'")
    expire(log.connection, START_US + DAY_US)
    assert Rebuilt(3, 0) == rebuild(log, log, levels=ALL, minute_horizon_us=0)
    assert before == log.firsts()
    assert verify(log).ok


def test_a_first_time_after_the_expiry_must_be_in_the_log() -> None:
    """Expiry excuses only what is older than its cutoff."""
    log = followed_log()
    log.connection.execute("DELETE FROM events WHERE timestamp < TIMESTAMP '2026-01-02'")
    expire(log.connection, START_US + DAY_US)
    damage = "UPDATE first_seen SET first_at = TIMESTAMP '2026-01-02 00:00:01' WHERE first_at < TIMESTAMP '2026-01-02'"
    log.connection.execute(damage)
    assert 2 == verify(log).checks["first_seen"]


def test_progress_reaches_its_end() -> None:
    """Every stretch of work ends with as much done as there is."""
    told: dict[str, tuple[int, int]] = {}
    log = followed_log()

    def note(what: str, done: int, total: int) -> None:
        told[what] = (done, total)

    verify(log, progress=note, slice_entries=2)
    rebuild(log, log, levels=ALL, minute_horizon_us=0, progress=note, slice_entries=2)
    assert {"sequence", "event ids", "user keys", "rollups", "first times"} == set(told)
    assert all(done == total for done, total in told.values())


def test_day_spans_keep_days_whole() -> None:
    """Days are put together up to the limit, and a larger one stands alone."""
    days = [(0, 3), (DAY_US, 3), (5 * DAY_US, 90), (6 * DAY_US, 1)]
    expected = [(0, 2 * DAY_US, 6), (5 * DAY_US, 6 * DAY_US, 90), (6 * DAY_US, 7 * DAY_US, 1)]
    assert expected == list(day_spans(days, 8))


@pytest.mark.parametrize("entries", [0, 1, 10, 31])
def test_key_spans_cover_every_key(entries: int) -> None:
    """From 0 to the largest key of 64 bits, without gap or overlap."""
    spans = list(key_spans(entries, 7))
    assert (0, 2**64 - 1) == (spans[0][0], spans[-1][1])
    assert all(high + 1 == low for (_, high), (low, _) in pairwise(spans))


def test_time_text_is_read_by_sql_as_the_same_instant() -> None:
    """The horizon reaches SQL to the microsecond."""
    log = PlainLog()
    log.append([make_row(timestamp_us=START_US + n * MINUTE_US) for n in range(3)])
    advance(log, log, levels=ALL, minute_horizon_us=START_US + MINUTE_US + 1)
    assert verify(log).ok
    assert timedelta(minutes=1) == moment(min(key[0] for key in log.buckets("minute"))) - moment(START_US)
