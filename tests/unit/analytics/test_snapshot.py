from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analytics.activity import activity
from appliance.analytics.campaigns import campaigns_in_window
from appliance.analytics.heatmap import heatmap
from appliance.analytics.metrics import metrics_at
from appliance.analytics.snapshot import take
from appliance.clock import iso
from appliance.errors import BadArgument
from appliance.testing import START_US
from tests.unit.analytics import reference, reference_series
from tests.unit.analytics.histories import BASE, ZONES, Log, histories
from tests.unit.analytics.reference import DAY, MINUTE, Event, Events


def _last_seq(cursor: duckdb.DuckDBPyConnection) -> str:
    return str(cursor.execute("SELECT coalesce(max(seq), 0) FROM events").fetchall()[0][0])


def _take(cursor: duckdb.DuckDBPyConnection, as_of: int, zone: str = "UTC") -> dict[str, Any]:
    return take(cursor, as_of, zone=zone, base_currency=BASE, position=_last_seq)


@settings(max_examples=40, deadline=None)
@given(told=histories(), minutes=st.integers(1, 100))
def test_activity_counts_all_events_by_minute(log: Log, told: tuple[Events, int], minutes: int) -> None:
    """Exactly N minutes, empty ones included, events of the future left out."""
    history, as_of = told
    with log.holding(history) as cursor:
        answer = activity(cursor, as_of, minutes=minutes)
    last = as_of // MINUTE * MINUTE
    expected = [
        {"start": iso(start), "events": sum(start <= e.at < start + MINUTE and e.at <= as_of for e in history)}
        for start in range(last - (minutes - 1) * MINUTE, last + 1, MINUTE)
    ]
    assert {"as_of": iso(as_of), "points": expected} == answer


@settings(max_examples=60, deadline=None)
@given(told=histories(), days=st.integers(1, 92), zone=st.sampled_from(ZONES))
def test_the_heatmap_equals_the_plain_recomputation(log: Log, told: tuple[Events, int], days: int, zone: str) -> None:
    """Active events of the last days × 24 h by local weekday and hour, Monday first."""
    history, as_of = told
    with log.holding(history) as cursor:
        answer = heatmap(cursor, as_of, days=days, zone=zone)
    assert reference.heatmap(history, as_of, days, ZoneInfo(zone)) == answer["values"]
    assert ("Mon", "Sun", list(range(24))) == (answer["days"][0], answer["days"][6], answer["hours"])


@settings(max_examples=60, deadline=None)
@given(told=histories(most=60))
def test_campaigns_of_the_window_equal_the_plain_recomputation(log: Log, told: tuple[Events, int]) -> None:
    """Counts, people, deliveries and rates of the last 24 h by campaign, by sends and then by name."""
    history, as_of = told
    with log.holding(history) as cursor:
        found = campaigns_in_window(cursor, as_of_us=as_of, window_us=DAY, base_currency=BASE)
    assert reference.campaigns(history, as_of, BASE) == found


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        (["email_delivered"] * 19 + [None], 19),
        (["email_delivered"] * 18 + [None] * 2, 20),
        (["email_delivered"] * 15 + ["email_deferred"] * 4 + [None], 15),
        (["email_deferred"] * 18 + [None] * 2, 20),
        (["email_bounced"] * 2 + ["email_dropped"] + [None] * 17, 17),
    ],
)
def test_delivered_is_counted_where_delivery_is_told(log: Log, fates: list[str | None], expected: int) -> None:
    """With the fate of 95 % of recipients told, delivered events count; else recipients less bounced and dropped."""
    history = [Event("email_sent", f"u{n}", START_US, campaign="c") for n in range(len(fates))]
    history += [Event(fate, f"u{n}", START_US, campaign="c") for n, fate in enumerate(fates) if fate]
    with log.holding(history) as cursor:
        rows = campaigns_in_window(cursor, as_of_us=START_US, window_us=DAY, base_currency=BASE)
    assert [expected] == [row["delivered"] for row in rows]


def test_twenty_campaigns_are_listed_at_most(log: Log) -> None:
    """Of more the ones with most sends stay."""
    history = [Event("email_sent", "u", START_US, campaign=f"c{n:02}") for n in range(25) for _ in range(n + 1)]
    with log.holding(history) as cursor:
        found = _take(cursor, START_US)["campaigns"]
    assert [f"c{n:02}" for n in range(24, 4, -1)] == [row["campaign_id"] for row in found]


@settings(max_examples=60, deadline=None)
@given(told=histories(most=60), zone=st.sampled_from(ZONES))
def test_the_snapshot_equals_the_plain_recomputation(log: Log, told: tuple[Events, int], zone: str) -> None:
    """Funnel, hourly revenue, rates and sparklines equal the reference, and the metrics the metrics."""
    history, as_of = told
    with log.holding(history) as cursor:
        found = _take(cursor, as_of, zone)
        assert metrics_at(cursor, as_of, base_currency=BASE) == found["metrics"]
    edges = reference_series.last_edges("hour", ZoneInfo(zone), as_of, 48)

    def hourly(name: str) -> list[Any]:
        return reference_series.series(history, name, edges, as_of, BASE)[0][1]

    revenue, opens = hourly("revenue"), hourly("email_open_rate")[24:]
    assert reference.funnel(history, as_of) == [step["users"] for step in found["funnel"]["steps"]]
    assert revenue == found["revenue"]["previous"] + [point["value"] for point in found["revenue"]["points"]]
    assert [True] * 23 + [False] == [point["complete"] for point in found["revenue"]["points"]]
    assert opens == [point["open"] for point in found["rates"]["points"]]
    assert hourly("email_click_rate")[24:] == [point["click"] for point in found["rates"]["points"]]
    assert hourly("click_to_open_rate")[24:] == [point["click_to_open"] for point in found["rates"]["points"]]
    assert {
        "revenue": revenue[24:],
        "conversions": hourly("conversions")[24:],
        "active_users": hourly("active_users")[24:],
        "engagement_rate": opens,
    } == found["sparklines"]
    assert (not history, str(len(history)), iso(as_of)) == (found["empty"], found["position"], found["as_of"])


def test_the_funnel_shows_percentages_of_its_first_step(log: Log) -> None:
    """Percentages have 2 places, and are null over nobody."""
    history = [Event("email_sent", f"u{n}", START_US) for n in range(3)] + [Event("email_opened", "u1", START_US)]
    with log.holding(history) as cursor:
        found = _take(cursor, START_US)["funnel"]
    assert {"window": "24h", "steps": found["steps"]} == found
    assert [("Sent", 100.0), ("Opened", 33.33), ("Clicked", 0.0), ("Converted", 0.0)] == [
        (step["name"], step["percent_of_first"]) for step in found["steps"]
    ]
    with log.holding([]) as cursor:
        steps = _take(cursor, START_US)["funnel"]["steps"]
    assert [None] * 4 == [step["percent_of_first"] for step in steps]


def test_an_empty_log_makes_a_snapshot_that_says_so(log: Log) -> None:
    """All parts are there, in the shapes that charts expect, and can be encoded."""
    with log.holding([]) as cursor:
        found = _take(cursor, START_US)
    assert found["empty"]
    assert 60 == len(found["activity"]["points"])
    assert [] == found["campaigns"]
    assert [[0] * 24] * 7 == found["heatmap"]["values"]
    assert found == msgspec.json.decode(msgspec.json.encode(found))


@pytest.mark.parametrize("minutes", [0, -1, 10_001])
def test_minutes_out_of_range_are_refused(log: Log, minutes: int) -> None:
    """``minutes`` outside 1 to 10,000 is a bad argument."""
    with pytest.raises(BadArgument) as caught:
        activity(log.cursor, START_US, minutes=minutes)
    assert "minutes" == caught.value.field


@pytest.mark.parametrize(
    ("field", "arguments"), [("days", {"days": 0}), ("days", {"days": 93}), ("timezone", {"zone": "Nowhere"})]
)
def test_bad_arguments_of_the_heatmap_are_named(log: Log, field: str, arguments: dict[str, Any]) -> None:
    """``days`` outside 1 to 92 and unknown zones are bad arguments."""
    with pytest.raises(BadArgument) as caught:
        heatmap(log.cursor, START_US, **arguments)
    assert field == caught.value.field
