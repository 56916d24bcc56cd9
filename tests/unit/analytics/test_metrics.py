from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analytics.catalogue import ALERT_RATIOS, METRIC_NAMES, METRICS, metrics_table
from appliance.analytics.metrics import metrics_at, ratio_over
from appliance.events.types import KNOWN_TYPES
from appliance.testing import START_US
from tests.unit.analytics import reference
from tests.unit.analytics.histories import BASE, Log, histories
from tests.unit.analytics.reference import DAY, HOUR, Event, Events


@settings(max_examples=120, deadline=None)
@given(told=histories(), share=st.one_of(st.none(), st.floats(0, 1)))
def test_every_metric_equals_the_plain_recomputation(log: Log, told: tuple[Events, int], share: float | None) -> None:
    """All values equal the reference, however far the rollups have come."""
    history, as_of = told
    rolled_up = None if share is None else round(share * len(history))
    with log.holding(history, rolled_up=rolled_up) as cursor:
        found = metrics_at(cursor, as_of, base_currency=BASE)
    assert reference.metrics(history, as_of, BASE) == {name: metric["value"] for name, metric in found.items()}
    assert reference.by_currency(history, as_of) == found["revenue_24h"]["by_currency"]


def test_events_on_the_edges_of_windows_count_where_they_belong(log: Log) -> None:
    """A microsecond to either side of each edge, for each type: later than its start, up to its end."""
    kinds = [*KNOWN_TYPES, "page_view"]
    moments = [START_US - window + off for window, off in itertools.product((0, HOUR, DAY, 2 * DAY), (-1, 0, 1))] + [
        START_US - DAY - HOUR
    ]
    history = [
        Event(kind, f"{kind}{moment}", moment, session=str(moment), amount=moment % 997 + 9_000, currency="USD")
        for kind, moment in itertools.product(kinds, moments)
    ]
    with log.holding(history, rolled_up=len(history) // 2) as cursor:
        found = metrics_at(cursor, START_US, base_currency=BASE)
    expected = reference.metrics(history, START_US, BASE)
    assert None not in expected.values()
    assert expected == {name: metric["value"] for name, metric in found.items()}


@pytest.mark.parametrize("rolled_up", [None, 0, 1, 2])
@pytest.mark.parametrize("order", [1, -1])
def test_a_second_registration_makes_no_new_user(log: Log, rolled_up: int | None, order: int) -> None:
    """The earlier one counts, in whatever order they came and whichever of them the rollups know."""
    history = [Event("user_registration", "u", START_US - age) for age in (2 * DAY, HOUR)][::order]
    with log.holding(history, rolled_up=rolled_up) as cursor:
        found = metrics_at(cursor, START_US, base_currency=BASE)
    assert 0 == found["new_users_24h"]["value"]


@settings(max_examples=40, deadline=None)
@given(told=histories(), age=st.integers(DAY, 40 * DAY))
def test_new_users_do_not_move_when_events_expire(log: Log, told: tuple[Events, int], age: int) -> None:
    """Registrations that the log has forgotten still count as the first, by the rollups' table."""
    history, as_of = told
    with log.holding(history, rolled_up=len(history)) as cursor:
        log.forget_before(as_of - age)
        found = metrics_at(cursor, as_of, base_currency=BASE)
    assert reference.metrics(history, as_of, BASE)["new_users_24h"] == found["new_users_24h"]["value"]


@settings(max_examples=40, deadline=None)
@given(told=histories(), window=st.sampled_from([HOUR // 12, HOUR, DAY]))
def test_alert_ratios_count_the_trailing_window(log: Log, told: tuple[Events, int], window: int) -> None:
    """Numerator and denominator of each alert ratio equal the reference."""
    history, as_of = told
    events = [e for e in history if as_of - window < e.at <= as_of]
    active = len(reference.users(reference.active(events)))
    kinds = ("email_sent", "email_opened", "email_bounced", "conversion", "error", "api_request")
    sends, opens, bounces, conversions, errors, requests = (reference.count(events, kind) for kind in kinds)
    with log.holding(history) as cursor:
        found = {name: ratio_over(cursor, name, as_of_us=as_of, window_us=window) for name in ALERT_RATIOS}
    assert {
        "engagement_rate": (opens, sends),
        "bounce_rate": (bounces, sends),
        "conversion_rate": (conversions, active),
        "error_rate": (errors, requests),
    } == found


def test_an_empty_log_has_counts_of_0_and_no_ratios(log: Log) -> None:
    """Without data counts and money are 0, and what would divide by 0 is null."""
    with log.holding([]) as cursor:
        found = metrics_at(cursor, START_US, base_currency=BASE)
    for name, metric in found.items():
        expected = None if "denominator" in metric or "growth" in name else 0
        assert expected == metric["value"], name
    assert {} == found["revenue_24h"]["by_currency"]


def test_a_metric_tells_its_unit_window_group_and_base(log: Log) -> None:
    """The shape of a ratio, of money and of a growth is that of the contract."""
    history = [Event("email_sent", f"u{n}", START_US) for n in range(3)] + [Event("email_opened", "u1", START_US)]
    history.append(Event("conversion", "u1", START_US, amount=123_456, currency="USD"))
    with log.holding(history) as cursor:
        found = metrics_at(cursor, START_US, base_currency=BASE)
    rate = found["email_open_rate_1h"]
    assert {
        "value": 33.33,
        "unit": "percent",
        "window": "1h",
        "group": "engagement",
        "definition": METRICS["email_open_rate_1h"].definition,
        "numerator": 1,
        "denominator": 3,
    } == rate
    worth = found["revenue_per_conversion"]
    assert (12.3456, "money", "USD", 12.3456, 1) == (
        worth["value"],
        worth["unit"],
        worth["currency"],
        worth["numerator"],
        worth["denominator"],
    )
    assert {"USD": 12.3456} == found["revenue_24h"]["by_currency"]
    assert ("percentage_points", None) == (
        found["engagement_growth_24h"]["unit"],
        found["engagement_growth_24h"]["value"],
    )


def test_halves_are_rounded_to_even(log: Log) -> None:
    """1 of 800 is 0.125 %, shown as 0.12, and 3 of 800 are 0.375 %, shown as 0.38."""
    for opens, expected in ((1, 0.12), (3, 0.38)):
        history = [Event("email_sent", "u", START_US)] * 800 + [Event("email_opened", "u", START_US)] * opens
        with log.holding(history) as cursor:
            found = metrics_at(cursor, START_US, base_currency=BASE)
        assert expected == found["email_open_rate_1h"]["value"]


def test_the_catalogue_and_its_table_name_every_metric() -> None:
    """Each name of the type has one entry, a sentence that ends, and a row in the documentation's table."""
    assert list(METRIC_NAMES) == sorted(METRICS, key=METRIC_NAMES.index)
    table = metrics_table()
    for name in [*METRIC_NAMES, *ALERT_RATIOS]:
        assert 1 == table.count(f"| `{name}` |")
    assert all(metric.definition.endswith(".") for metric in METRICS.values())
