from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analytics import rolled_up
from appliance.analytics.buckets import edges_around
from appliance.analytics.points import LOG, Grouping, Span
from appliance.analytics.rolled_up import levels_of, source_of
from appliance.analytics.series import SERIES
from appliance.clock import from_datetime
from appliance.rollups import state
from appliance.rollups.state import State
from appliance.testing import START_US
from tests.unit.analytics import reference_series
from tests.unit.analytics.histories import BASE, ZONES, histories, row_of
from tests.unit.analytics.reference import HOUR, MINUTE, Event, Events
from tests.unit.analytics.rolled_up_log import ALL, WIDTHS, Progress, RolledUpLog, progress

# With distinct people or sessions, labels or first times in them.
NOT_SUMS = {"active_users", "conversion_rate", "events_per_user", "new_users", "sessions"}
ADDITIVE = sorted(SERIES.keys() - NOT_SUMS)
GROUPS = (None, "campaign_id", "event_type", "currency")
BEGINNING = State(cursor=0, generation=0, levels=ALL, minute_from_us=0)


@pytest.fixture(scope="module")
def log() -> Iterator[RolledUpLog]:
    plain = RolledUpLog()
    yield plain
    plain.connection.close()


def values(answer: dict[str, Any]) -> list[tuple[dict[str, Any], list[Any]]]:
    return [(one["group"], [point["value"] for point in one["points"]]) for one in answer["series"]]


@settings(max_examples=300, deadline=None)
@given(
    told=histories(),
    so_far=progress,
    metric=st.sampled_from(ADDITIVE),
    interval=st.sampled_from(["hour", "hour", "day", "day", "minute"]),
    zone=st.sampled_from(ZONES),
    group_by=st.sampled_from(GROUPS),
    begin=st.integers(-45, 0),
    off=st.sampled_from([0, 0, 1, -1, HOUR, 17 * MINUTE]),
    length=st.one_of(st.none(), st.integers(1, 60)),
)
def test_rollups_change_no_value(
    log: RolledUpLog,
    told: tuple[Events, int],
    so_far: Progress,
    metric: str,
    interval: str,
    zone: str,
    group_by: str | None,
    begin: int,
    off: int,
    length: int | None,
) -> None:
    """However far rollups are, a series equals that of the log alone and the plain recomputation, group for group."""
    history, as_of = told
    from_us = min(as_of, as_of + begin * WIDTHS[interval] + off)
    to_us = None if length is None else from_us + length * WIDTHS[interval]
    arguments: dict[str, Any] = {"as_of_us": as_of, "interval": interval, "zone": zone, "group_by": group_by}
    arguments |= {"from_us": from_us, "to_us": to_us}
    with log.after(history, so_far, as_of) as kept:
        answer = log.ask(metric, **arguments)
        assert log.ask_log_alone(metric, **arguments) == answer
    edges = reference_series.edges(interval, ZoneInfo(zone), from_us, as_of + 1 if to_us is None else to_us)
    assert reference_series.series(kept, metric, edges, as_of, BASE, group_by) == values(answer)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=47, max_size=56),
    real_other=st.integers(0, 5),
    nameless=st.integers(0, 3),
    metric=st.sampled_from(["conversions", "revenue", "revenue_per_conversion"]),
    share=st.floats(0, 1),
    data=st.data(),
)
def test_the_50_largest_groups_are_the_same(
    log: RolledUpLog,
    sizes: list[int],
    real_other: int,
    nameless: int,
    metric: str,
    share: float,
    data: st.DataObject,
) -> None:
    """Groups are ranked by their events in rollups and log together; the rest, and events without group, as ever."""
    names: list[str | None] = [name for number, size in enumerate(sizes) for name in [f"c{number}"] * size]
    names += [*["(other)"] * real_other, *[None] * nameless]
    history = [
        Event("conversion", "u", START_US - number % 7 * HOUR, campaign=name, amount=number, currency="USD")
        for number, name in enumerate(names)
    ]
    history = data.draw(st.permutations(history))
    with log.after(history, Progress(share, ALL, 0, None), START_US):
        answer = log.ask(metric, as_of_us=START_US, group_by="campaign_id")
    edges = reference_series.last_edges("hour", ZoneInfo("UTC"), START_US, 24)
    assert reference_series.series(history, metric, edges, START_US, BASE, "campaign_id") == values(answer)


def test_currencies_are_never_added_up(log: RolledUpLog) -> None:
    """From rollups too each currency has its own revenue, and the rest of more than 50 has no value."""
    codes = [f"X{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(52)]
    history = [Event("conversion", "u", START_US - HOUR, amount=20_000, currency=code) for code in codes]
    with log.after(history, Progress(1, ALL, 0, None), START_US):
        log.connection.execute("DELETE FROM events")
        answer = log.ask("revenue", as_of_us=START_US, group_by="currency")
    last = {one["group"]["currency"]: one["points"][-2]["value"] for one in answer["series"]}
    assert dict.fromkeys(codes[:50], 2.0) | {"(other)": None} == last


@settings(max_examples=60, deadline=None)
@given(
    told=histories(),
    share=st.floats(0, 1),
    minutes_kept=st.integers(0, 45 * 24 * 60),
    interval=st.sampled_from(["hour", "day"]),
    zone=st.sampled_from(ZONES),
)
def test_each_bucket_comes_from_where_it_should(
    log: RolledUpLog, told: tuple[Events, int], share: float, minutes_kept: int, interval: str, zone: str
) -> None:
    """Whole buckets that a level covers, without newer events, come from rollups, all others from the log."""
    history, as_of = told
    counted = round(share * len(history))
    older, newer = history[:counted], history[counted:]
    with log.after(history, Progress(share, ALL, minutes_kept, None), as_of):
        log.doctor(1_000_000)
        answer = log.ask("total_opens", as_of_us=as_of, interval=interval, zone=zone)
    edges = reference_series.last_edges(interval, ZoneInfo(zone), as_of, {"hour": 24, "day": 30}[interval])
    minutes_from = (as_of // MINUTE - minutes_kept) * MINUTE
    expected = []
    for start, end in pairwise(edges):
        covered = start % HOUR == end % HOUR == 0 or start >= minutes_from
        whole = end <= as_of + 1 and covered
        opened = any(start <= event.at < end and event.type == "email_opened" for event in older)
        expected.append(whole and opened and not any(start <= event.at < end for event in newer))
    # A day from hours or minutes shows the doctoring once for each of them and each campaign with an event.
    assert expected == [value >= 1_000_000 for value in values(answer)[0][1]]


@pytest.mark.parametrize(
    ("zone", "interval", "day", "levels", "expected"),
    [
        ("UTC", "day", "2026-01-01", ALL, "day"),
        ("UTC", "day", "2026-01-01", {"hour"}, "hour"),
        ("UTC", "day", "2026-01-01", {"minute"}, "minute"),
        ("Europe/Lisbon", "day", "2026-01-01", ALL, "day"),
        ("Europe/Lisbon", "day", "2026-07-01", ALL, "hour"),
        ("Europe/Berlin", "day", "2026-01-01", ALL, "hour"),
        ("Europe/Berlin", "day", "2026-03-29", ALL, "hour"),
        ("Europe/Berlin", "day", "2026-01-01", {"day"}, None),
        ("Asia/Kolkata", "day", "2026-01-01", ALL, "minute"),
        ("Asia/Kolkata", "hour", "2026-01-01", ALL, "minute"),
        ("Asia/Kolkata", "day", "2026-01-01", {"hour", "day"}, None),
        ("Australia/Lord_Howe", "day", "2026-01-01", ALL, "hour"),
        ("Australia/Lord_Howe", "day", "2026-07-01", ALL, "minute"),
        ("Australia/Lord_Howe", "day", "2026-04-05", ALL, "minute"),
        ("UTC", "hour", "2026-01-01", ALL, "hour"),
        ("Europe/Amsterdam", "day", "1930-01-01", ALL, None),
    ],
)
def test_the_coarsest_level_that_fits_answers(
    zone: str, interval: Any, day: str, levels: frozenset[str], expected: str | None
) -> None:
    """A level answers where the bucket, as the zone's clocks have it then, begins and ends on its grain."""
    noon_us = from_datetime(datetime.fromisoformat(day)) + 12 * HOUR
    edges = edges_around(interval, ZoneInfo(zone), noon_us, noon_us + 1)
    stored = State(cursor=0, generation=0, levels=frozenset(levels), minute_from_us=0)
    assert [expected] == levels_of(Span(edges, edges[0], edges[-1]), stored, ())


def test_minutes_answer_from_where_they_are_kept() -> None:
    """Minute rollups before their horizon are gone, so the log answers there."""
    edges = [START_US + (2 * number + 1) * HOUR // 2 for number in range(5)]
    kept = State(cursor=0, generation=0, levels=ALL, minute_from_us=edges[1] + MINUTE)
    assert [None, None, "minute", "minute"] == levels_of(Span(edges, edges[0], edges[-1]), kept, ())


def test_series_of_minutes_come_from_the_log(log: RolledUpLog) -> None:
    """It has told the few of them before the rollups have been asked how far they are."""
    edges = [START_US + number * MINUTE for number in range(61)]
    with log.after([], Progress(1, ALL, 60, None), START_US), log.reader() as cursor:
        assert LOG == source_of(cursor, SERIES["revenue"].measures, Span(edges, edges[0], edges[-1]), None)


def test_cut_and_touched_buckets_come_from_the_log() -> None:
    """A bucket of which a part does not count, at either end, is the log's, and so is one with newer events."""
    edges = [START_US + number * HOUR for number in range(6)]
    whole = Span(edges, edges[0], edges[-1])
    assert ["hour"] * 5 == levels_of(whole, BEGINNING, ())
    assert ["hour", None, "hour", "hour", None] == levels_of(whole, BEGINNING, {1, 4})
    assert [None, "hour", "hour", "hour", None] == levels_of(Span(edges, edges[0] + 1, edges[-1] - 1), BEGINNING, ())
    assert ["hour", "hour", None, None, None] == levels_of(Span(edges, edges[0], edges[2]), BEGINNING, ())


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Australia/Lord_Howe"])
@pytest.mark.parametrize("minute", [0, 1, 29, 30, 31, 59])
def test_a_newer_event_counts_at_once_on_any_minute(log: RolledUpLog, zone: str, minute: int) -> None:
    """Wherever in the hour a zone's hours begin, the bucket that a newer event touches is found."""
    history = [Event("email_opened", "u", START_US - 3 * HOUR + minute * MINUTE)] * 2
    with log.after(history, Progress(0.5, ALL, 24 * 60, None), START_US):
        assert 2 == max(values(log.ask("total_opens", as_of_us=START_US, zone=zone))[0][1])


@pytest.mark.parametrize("name", sorted(SERIES))
def test_rollups_answer_sums_alone(log: RolledUpLog, name: str) -> None:
    """Distinct people, sessions, labels and first times come from the log, and so does what rollups don't group by."""
    edges = [START_US, START_US + HOUR]
    span, measures = Span(edges, edges[0], edges[1]), SERIES[name].measures
    with log.after([], Progress(1, ALL, 0, None), START_US), log.reader() as cursor:
        for column in GROUPS:
            found = source_of(cursor, measures, span, Grouping(column) if column else None)
            assert (name in ADDITIVE) == found.counted
        for other in (Grouping("link"), Grouping("mailbox_provider"), Grouping(None, "currency")):
            assert LOG == source_of(cursor, measures, span, other)


@pytest.mark.parametrize(("bound", "value"), [("MOST_NEWER", 2), ("MOST_PIECES", 2)])
def test_too_many_newer_events_or_pieces_leave_it_to_the_log(log: RolledUpLog, bound: str, value: int) -> None:
    """Where finding out or reading piece by piece would cost more than it saves, the log answers everything."""
    history = [Event("email_opened", "u", START_US - hours * HOUR) for hours in (9, 7, 5, 3, 1)]
    with log.after(history, Progress(0.6, ALL, 0, None), START_US):
        log.doctor(1_000)
        assert 3_005 == sum(values(log.ask("total_opens", as_of_us=START_US))[0][1])
        with patch.object(rolled_up, bound, value):
            assert 5 == sum(values(log.ask("total_opens", as_of_us=START_US))[0][1])


def test_a_log_without_rollups_answers(log: RolledUpLog) -> None:
    """Before the follower's first step, and while a rebuild has put it back to the beginning."""
    log.append([row_of(Event("email_opened", "u", START_US - HOUR))])
    assert 1 == sum(values(log.ask("total_opens", as_of_us=START_US))[0][1])
    log.roll_up()
    log.run(lambda connection: state.reset(connection, ALL, 0)).result()
    assert 1 == sum(values(log.ask("total_opens", as_of_us=START_US))[0][1])
    log.clear()
