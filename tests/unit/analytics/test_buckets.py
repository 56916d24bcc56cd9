from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from appliance.analytics.buckets import Interval, edges_around, last_edges, runs
from appliance.analytics.zones import local_iso, stretches
from appliance.clock import DAY_US, HOUR_US, from_datetime


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return from_datetime(datetime(year, month, day, hour, minute, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "noon", "hours"),
    [
        ("Europe/Berlin", utc(2026, 3, 29, 12), 23),
        ("Europe/Berlin", utc(2026, 10, 25, 12), 25),
        ("America/New_York", utc(2026, 3, 8, 16), 23),
        ("America/New_York", utc(2026, 11, 1, 16), 25),
        ("Australia/Lord_Howe", utc(2026, 10, 4, 1), 23.5),
        ("Australia/Lord_Howe", utc(2026, 4, 5, 1), 24.5),
        ("Asia/Kolkata", utc(2026, 3, 29, 6), 24),
        ("America/Sao_Paulo", utc(2018, 11, 4, 12), 23),
        ("Africa/Cairo", utc(2025, 10, 30, 12), 25),
        ("Pacific/Apia", utc(2011, 12, 29, 22), 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(zone: str, noon: int, hours: float) -> None:
    """Days in which clocks change are shorter or longer, also where midnight itself is skipped."""
    start, end = edges_around("day", ZoneInfo(zone), noon, noon + 1)
    assert hours == (end - start) / HOUR_US


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("Europe/Berlin", utc(2026, 10, 25, 0), ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]),
        ("Europe/Berlin", utc(2026, 3, 29, 0), ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]),
        (
            "Australia/Lord_Howe",
            utc(2026, 4, 4, 14),
            ["2026-04-05T01:00:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"],
        ),
        ("Australia/Lord_Howe", utc(2026, 10, 3, 15, 0), ["2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00"]),
    ],
)
def test_an_hour_shown_twice_is_two_buckets(zone: str, at: int, expected: list[str]) -> None:
    """Hours around a change of clocks bear their own offsets; where it is by half an hour, the hour is cut."""
    place = ZoneInfo(zone)
    edges = edges_around("hour", place, at, at + 2 * HOUR_US)
    assert expected == [local_iso(edge, place) for edge in edges][: len(expected)]


def test_a_date_that_a_zone_left_out_is_no_bucket() -> None:
    """Samoa had no 30 December 2011."""
    place = ZoneInfo("Pacific/Apia")
    edges = edges_around("day", place, utc(2011, 12, 29, 12), utc(2011, 12, 31, 6))
    assert ["2011-12-29", "2011-12-31", "2012-01-01"] == [local_iso(edge, place)[:10] for edge in edges]


def test_a_date_that_came_back_for_an_hour_is_one_bucket() -> None:
    """Where clocks went back over midnight (Newfoundland, until 2011, at 00:01) days neither split nor vanish."""
    place = ZoneInfo("America/St_Johns")
    edges = edges_around("day", place, utc(2006, 10, 27, 12), utc(2006, 10, 31, 12))
    assert ["27", "28", "29", "30", "31", "01"] == [local_iso(edge, place)[8:10] for edge in edges]


def test_an_instant_on_an_edge_belongs_to_the_bucket_that_begins() -> None:
    """The last bucket holds the instant of asking, also when that is its very start."""
    edges = last_edges("hour", ZoneInfo("UTC"), utc(2026, 1, 1, 12), 24)
    assert (utc(2026, 1, 1, 12), utc(2026, 1, 1, 13)) == tuple(edges[-2:])
    assert 25 == len(edges)


@pytest.mark.parametrize("interval", ["minute", "hour", "day"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"])
def test_runs_hold_every_bucket_once(interval: Interval, zone: str) -> None:
    """Cut into runs of equal width the buckets are the same, in the same order."""
    edges = last_edges(interval, ZoneInfo(zone), utc(2026, 4, 6, 3, 10), 400)
    cut = [
        (run.first + number, run.start_us + number * run.width_us, run.start_us + (number + 1) * run.width_us)
        for run in runs(edges)
        for number in range((run.end_us - run.start_us) // run.width_us)
    ]
    assert [(number, *pair) for number, pair in enumerate(pairwise(edges))] == cut


def test_stretches_find_each_change_to_the_second() -> None:
    """The offsets of Berlin in 2026 change at 01:00 UTC on the last Sundays of March and October."""
    found = stretches(ZoneInfo("Europe/Berlin"), utc(2026, 1, 1), utc(2027, 1, 1))
    assert [utc(2026, 3, 29, 1), utc(2026, 10, 25, 1)] == [start for start, _, _ in found[1:]]
    assert [HOUR_US, 2 * HOUR_US, HOUR_US] == [offset for _, _, offset in found]
    assert 365 * DAY_US == sum(end - start for start, end, _ in found)
