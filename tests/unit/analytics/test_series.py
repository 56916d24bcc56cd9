from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analytics.catalogue import METRICS
from appliance.analytics.series import SERIES, series
from appliance.clock import from_datetime
from appliance.errors import BadArgument, NotFound
from appliance.testing import START_US
from tests.unit.analytics import reference, reference_series
from tests.unit.analytics.histories import BASE, ZONES, Log, histories
from tests.unit.analytics.reference import DAY, HOUR, MINUTE, Event, Events

WIDTHS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
COUNTS = {"minute": 60, "hour": 24, "day": 30}
GROUPS = ("campaign_id", "event_type", "currency", "mailbox_provider", "link", "properties.plan", "properties.a/~b")


def ask(log: Log, history: Events, metric: str, rolled_up: int | None = None, **arguments: Any) -> dict[str, Any]:
    with log.holding(history, rolled_up=rolled_up) as cursor:
        return series(cursor, metric, base_currency=BASE, **arguments)


def values(answer: dict[str, Any]) -> list[tuple[dict[str, Any], list[Any]]]:
    return [(one["group"], [point["value"] for point in one["points"]]) for one in answer["series"]]


def starts(answer: dict[str, Any]) -> list[str]:
    return [point["start"] for point in answer["series"][0]["points"]]


def test_the_reference_knows_every_series() -> None:
    """The plain reference has a formula for each base name, so that none goes unchecked."""
    assert set(reference_series.SERIES) == set(SERIES)


@settings(max_examples=150, deadline=None)
@given(
    told=histories(),
    metric=st.sampled_from(sorted(SERIES)),
    interval=st.sampled_from(sorted(WIDTHS)),
    zone=st.sampled_from(ZONES),
    group_by=st.sampled_from([None, None, *GROUPS]),
    share=st.one_of(st.none(), st.floats(0, 1)),
)
def test_a_default_series_equals_the_plain_recomputation(
    log: Log,
    told: tuple[Events, int],
    metric: str,
    interval: str,
    zone: str,
    group_by: str | None,
    share: float | None,
) -> None:
    """Every value, start and ``complete`` of the last 60, 24 or 30 buckets, in any zone, grouped or not."""
    history, as_of = told
    place, rolled_up = ZoneInfo(zone), None if share is None else round(share * len(history))
    arguments = {"as_of_us": as_of, "interval": interval, "zone": zone, "group_by": group_by}
    answer = ask(log, history, metric, rolled_up, **arguments)
    edges = reference_series.last_edges(interval, place, as_of, COUNTS[interval])
    assert reference_series.series(history, metric, edges, as_of, BASE, group_by) == values(answer)
    expected = [(reference.local(edge, place).isoformat(), False) for edge in edges[-2:-1]]
    for one in answer["series"]:
        assert COUNTS[interval] == len(one["points"])
        assert [reference.local(edge, place).isoformat() for edge in edges[:-1]] == starts({"series": [one]})
        assert expected == [(p["start"], p["complete"]) for p in one["points"] if not p["complete"]]


@settings(max_examples=80, deadline=None)
@given(
    told=histories(),
    metric=st.sampled_from(["total_opens", "revenue", "active_users", "new_users", "email_open_rate"]),
    interval=st.sampled_from(sorted(WIDTHS)),
    zone=st.sampled_from(ZONES),
    begin=st.integers(-100, 0),
    length=st.integers(1, 40),
    off=st.integers(-DAY, DAY),
)
def test_from_and_to_are_rounded_to_whole_buckets(
    log: Log,
    told: tuple[Events, int],
    metric: str,
    interval: str,
    zone: str,
    begin: int,
    length: int,
    off: int,
) -> None:
    """[from, to) widens to whole buckets of the zone; buckets to come are listed and hold nothing yet."""
    history, as_of = told
    place, width = ZoneInfo(zone), WIDTHS[interval]
    from_us = as_of + begin * width + off
    to_us = from_us + length * width
    answer = ask(log, history, metric, as_of_us=as_of, from_us=from_us, to_us=to_us, interval=interval, zone=zone)
    edges = reference_series.edges(interval, place, from_us, to_us)
    assert reference_series.series(history, metric, edges, as_of, BASE) == values(answer)
    assert [reference.local(edge, place).isoformat() for edge in edges[:-1]] == starts(answer)
    assert [edge <= as_of for edge in edges[1:]] == [p["complete"] for p in answer["series"][0]["points"]]


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=47, max_size=56),
    real_other=st.integers(0, 5),
    nameless=st.integers(0, 3),
    metric=st.sampled_from(["conversions", "active_users", "revenue", "revenue_per_conversion"]),
)
def test_beyond_the_50_largest_groups_the_rest_is_one(
    log: Log, sizes: list[int], real_other: int, nameless: int, metric: str
) -> None:
    """The rest is one series "(other)"; a real group of that name joins it, and stands for itself without a rest."""
    names = [name for number, size in enumerate(sizes) for name in [f"c{number}"] * size]
    names += ["(other)"] * real_other
    history = [
        Event("conversion", f"u{number % 7}", START_US, campaign=name, amount=number * 1_000, currency="USD")
        for number, name in enumerate([*names, *[None] * nameless])
    ]
    answer = ask(log, history, metric, as_of_us=START_US, group_by="campaign_id")
    edges = reference_series.last_edges("hour", ZoneInfo("UTC"), START_US, 24)
    assert reference_series.series(history, metric, edges, START_US, BASE, "campaign_id") == values(answer)
    groups = [one["group"]["campaign_id"] for one in answer["series"]]
    assert len(set(groups)) == len(groups) <= 51


def test_currencies_are_never_added_up(log: Log) -> None:
    """Grouped by currency each has its own revenue, and the rest of more than 50 has no value, not a sum."""
    codes = [f"X{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(52)]
    history = [Event("conversion", "u", START_US, amount=20_000, currency=code) for code in codes]
    answer = ask(log, history, "revenue", as_of_us=START_US, group_by="currency")
    last = {one["group"]["currency"]: one["points"][-1]["value"] for one in answer["series"]}
    assert dict.fromkeys(codes[:50], 2.0) | {"(other)": None} == last
    assert "currency" not in answer
    assert "USD" == ask(log, history, "revenue", as_of_us=START_US)["currency"]


@pytest.mark.parametrize("rolled_up", [None, 2])
def test_a_new_user_belongs_to_the_group_of_the_first_registration(log: Log, rolled_up: int | None) -> None:
    """Of two registrations at one instant the one that was stored first says the campaign."""
    history = [Event("user_registration", "u", START_US, campaign=name) for name in ("z", "a", "m")]
    answer = ask(log, history, "new_users", rolled_up, as_of_us=START_US, group_by="campaign_id")
    assert [({"campaign_id": "z"}, [0] * 23 + [1])] == values(answer)


def test_a_windowed_name_answers_under_its_base_name(log: Log) -> None:
    """Every metric that is no growth has a series, whichever of its names is asked for."""
    for name, metric in METRICS.items():
        if "growth" in name:
            continue
        assert metric.base_name == ask(log, [], name, as_of_us=START_US)["metric"]
    answer = ask(log, [], "email_open_rate_24h", as_of_us=START_US)
    assert ("email_open_rate", "hour", "UTC") == (answer["metric"], answer["interval"], answer["timezone"])
    assert [({}, [None] * 24)] == values(answer)
    assert [] == ask(log, [], "revenue", as_of_us=START_US, group_by="link")["series"]


@pytest.mark.parametrize("name", ["revenue_growth_24h", "user_growth_24h", "engagement_growth", "conversion_growth"])
def test_growths_have_no_series(log: Log, name: str) -> None:
    """Asking for the series of a growth is 404 with the reason."""
    with pytest.raises(NotFound, match="growth and has no series"):
        ask(log, [], name, as_of_us=START_US)


def test_an_unknown_metric_is_told_what_there_is(log: Log) -> None:
    """404 lists the names that have a series."""
    with pytest.raises(NotFound, match=r"active_users, .*total_sends"):
        ask(log, [], "happiness", as_of_us=START_US)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("interval", {"interval": "week"}),
        ("interval", {"interval": ""}),
        ("interval", {"interval": "minute", "from_us": START_US - 8 * DAY}),
        ("interval", {"interval": "hour", "from_us": START_US - 10_000 * HOUR}),
        (
            "interval",
            {"interval": "day", "from_us": from_datetime(reference.local(0, ZoneInfo("UTC")) - timedelta(36500))},
        ),
        ("timezone", {"zone": "Mars/Olympus"}),
        ("timezone", {"zone": ""}),
        ("timezone", {"zone": "../../etc/passwd"}),
        ("timezone", {"zone": "/etc/localtime"}),
        ("timezone", {"zone": "localtime"}),
        ("timezone", {"zone": "Europe"}),
        ("timezone", {"zone": "UTC\0"}),
        ("timezone", {"zone": "+02:00"}),
        ("group_by", {"group_by": "user_id"}),
        ("group_by", {"group_by": ""}),
        ("group_by", {"group_by": "properties."}),
        ("group_by", {"group_by": "campaign_id; DROP TABLE events"}),
        ("group_by", {"group_by": "xproperties.plan"}),
        ("from", {"from_us": START_US, "to_us": START_US}),
        ("from", {"from_us": START_US, "to_us": START_US - 1}),
        ("from", {"from_us": START_US + 3 * HOUR}),
        ("from", {"from_us": -(10**18)}),
        ("to", {"to_us": 10**18}),
    ],
)
def test_a_bad_argument_is_named(log: Log, field: str, arguments: dict[str, Any]) -> None:
    """Each bad argument raises ``BadArgument`` with its field."""
    with pytest.raises(BadArgument) as caught:
        ask(log, [], "revenue", as_of_us=START_US, **arguments)
    assert field == caught.value.field


def test_up_to_10_000_points_are_answered(log: Log) -> None:
    """Exactly 10,000 buckets are allowed; two groups of 5,001 buckets are too many."""
    arguments: dict[str, Any] = {"as_of_us": START_US, "interval": "minute", "to_us": START_US}
    answer = ask(log, [], "revenue", from_us=START_US - 10_000 * MINUTE, **arguments)
    assert 10_000 == len(answer["series"][0]["points"])
    history = [Event("conversion", "u", START_US - MINUTE, campaign=name) for name in ("c1", "c2")]
    with pytest.raises(BadArgument, match="points"):
        ask(log, history, "conversions", from_us=START_US - 5_001 * MINUTE, group_by="campaign_id", **arguments)


def test_hostile_property_names_are_only_names(log: Log) -> None:
    """Quotes, slashes, dollars and SQL in ``properties.NAME`` find the property of just that name."""
    for name in ("a'b", 'a"b', "$.x", "$", "a.b", "x/y~z", "'; DROP TABLE events; --", "日本", "{active}", "$start"):
        history = [Event("conversion", "u", START_US, properties={name: "found", "a": {"b": "nested"}})]
        answer = ask(log, history, "conversions", as_of_us=START_US, group_by=f"properties.{name}")
        assert [{f"properties.{name}": "found"}] == [one["group"] for one in answer["series"]]
