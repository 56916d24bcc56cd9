"""The metric catalogue: every figure with a name, its one definition, and where it is measured.

The documentation's table is generated from it (``metrics_table``), ``/v1/metrics`` and the series
compute from it, and alert rules take their ratios from it. Percentages are events of a window by
events of the same window: the *window ratios* of live dashboards. The truthful rates of a campaign
belong to its send cohort and are in ``campaigns``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from appliance.analytics.formulas import Change, Formula, Growth, PointChange, Quotient, Total, Unit
from appliance.analytics.measures import Measure

MetricName = Literal[
    "total_sends_1h",  # e-mails sent
    "total_opens_1h",  # opens, machines' too
    "total_clicks_1h",  # clicks, machines' too
    "email_open_rate_1h",  # opens / sends
    "email_click_rate_1h",  # clicks / sends
    "click_to_open_rate_1h",  # clicks / opens
    "email_open_rate_24h",  # opens / sends
    "email_click_rate_24h",  # clicks / sends
    "click_to_open_rate_24h",  # clicks / opens
    "conversions_1h",  # conversion events
    "referrals_1h",  # referrals made
    "contest_joins_1h",  # contests joined
    "referral_conversion_rate_1h",  # conversions / referrals
    "contest_conversion_rate_1h",  # conversions / contest joins
    "revenue_1h",  # money of conversions, base currency
    "revenue_24h",  # money of conversions, base currency
    "revenue_growth_24h",  # against the 24 h before
    "revenue_per_conversion",  # revenue_1h / conversions_1h
    "conversions_24h",  # conversion events
    "conversion_growth_24h",  # against the 24 h before
    "active_users_24h",  # people with an active event
    "user_growth_24h",  # against the 24 h before
    "engagement_rate_24h",  # opens / sends
    "engagement_growth_24h",  # percentage points against the 24 h before
    "active_users_1h",  # people with an active event
    "sessions_1h",  # sessions with an active event
    "events_per_user_1h",  # active events / active users
    "new_users_24h",  # first registrations
]
AlertRatioName = Literal[
    "engagement_rate",  # opens / sends
    "bounce_rate",  # bounces / sends
    "conversion_rate",  # conversions / active users
    "error_rate",  # errors / API requests
]
Group = Literal["engagement", "conversion", "revenue", "dashboard", "behavior"]
Window = Literal["1h", "24h"]

METRIC_NAMES: Final[tuple[MetricName, ...]] = get_args(MetricName)


@dataclass(frozen=True)
class Metric:
    """One figure over the trailing ``window``: events later than ``as_of`` less the window, up to ``as_of``."""

    name: MetricName
    group: Group
    window: Window
    formula: Formula | Change
    definition: str
    by_currency: bool = False
    """Every currency that occurs is listed beside the base currency's value."""

    @property
    def unit(self) -> Unit:
        return self.formula.unit

    @property
    def base_name(self) -> str:
        """The name of its series: without the window."""
        return self.name.removesuffix(f"_{self.window}")


_OPEN_RATE = Quotient(Measure.OPENS, Measure.SENDS)
_CLICK_RATE = Quotient(Measure.CLICKS, Measure.SENDS)
_CLICK_TO_OPEN = Quotient(Measure.CLICKS, Measure.OPENS)
_REVENUE = Total(Measure.REVENUE)
_CONVERSIONS = Total(Measure.CONVERSIONS)
_ACTIVE_USERS = Total(Measure.ACTIVE_USERS)

_OPENS_BY_SENDS = "Opens by sends, both events of the window; opens of older sends count, so it can pass 100 %."
_CLICKS_BY_SENDS = "Clicks by sends, both events of the window; it can pass 100 %."
_CLICKS_BY_OPENS = "Clicks by opens, both events of the window; it can pass 100 %."
_ACTIVE = "Distinct people with an active event in the window; opens and clicks labelled as a machine's do not count."
_MONEY = "Money of the window's conversions in the base currency, less refunds; other currencies are not converted."
_AGAINST = "the 24 hours before, in percent of those; null when those are 0 or less"

_ALL: Final = (
    Metric("total_sends_1h", "engagement", "1h", Total(Measure.SENDS), "E-mails sent in the window."),
    Metric("total_opens_1h", "engagement", "1h", Total(Measure.OPENS), "Opens in the window, machines' included."),
    Metric("total_clicks_1h", "engagement", "1h", Total(Measure.CLICKS), "Clicks in the window, machines' included."),
    Metric("email_open_rate_1h", "engagement", "1h", _OPEN_RATE, _OPENS_BY_SENDS),
    Metric("email_click_rate_1h", "engagement", "1h", _CLICK_RATE, _CLICKS_BY_SENDS),
    Metric("click_to_open_rate_1h", "engagement", "1h", _CLICK_TO_OPEN, _CLICKS_BY_OPENS),
    Metric("email_open_rate_24h", "engagement", "24h", _OPEN_RATE, _OPENS_BY_SENDS),
    Metric("email_click_rate_24h", "engagement", "24h", _CLICK_RATE, _CLICKS_BY_SENDS),
    Metric("click_to_open_rate_24h", "engagement", "24h", _CLICK_TO_OPEN, _CLICKS_BY_OPENS),
    Metric("conversions_1h", "conversion", "1h", _CONVERSIONS, "Conversions in the window."),
    Metric("referrals_1h", "conversion", "1h", Total(Measure.REFERRALS), "Referrals made in the window."),
    Metric("contest_joins_1h", "conversion", "1h", Total(Measure.CONTEST_JOINS), "Contests joined in the window."),
    Metric(
        "referral_conversion_rate_1h",
        "conversion",
        "1h",
        Quotient(Measure.CONVERSIONS, Measure.REFERRALS),
        "Conversions by referrals, both events of the window, whoever made them; it can pass 100 %.",
    ),
    Metric(
        "contest_conversion_rate_1h",
        "conversion",
        "1h",
        Quotient(Measure.CONVERSIONS, Measure.CONTEST_JOINS),
        "Conversions by contests joined, both events of the window, whoever made them; it can pass 100 %.",
    ),
    Metric("revenue_1h", "revenue", "1h", _REVENUE, _MONEY),
    Metric("revenue_24h", "revenue", "24h", _REVENUE, _MONEY, by_currency=True),
    Metric("revenue_growth_24h", "revenue", "24h", Growth(_REVENUE), f"Revenue of 24 hours against {_AGAINST}."),
    Metric(
        "revenue_per_conversion",
        "revenue",
        "1h",
        Quotient(Measure.REVENUE, Measure.CONVERSIONS, "money"),
        "Base-currency revenue by all conversions of the window.",
    ),
    Metric("conversions_24h", "dashboard", "24h", _CONVERSIONS, "Conversions in the window."),
    Metric("conversion_growth_24h", "dashboard", "24h", Growth(_CONVERSIONS), f"Conversions against {_AGAINST}."),
    Metric("active_users_24h", "dashboard", "24h", _ACTIVE_USERS, _ACTIVE),
    Metric("user_growth_24h", "dashboard", "24h", Growth(_ACTIVE_USERS), f"Active users against {_AGAINST}."),
    Metric("engagement_rate_24h", "dashboard", "24h", _OPEN_RATE, _OPENS_BY_SENDS),
    Metric(
        "engagement_growth_24h",
        "dashboard",
        "24h",
        PointChange(_OPEN_RATE),
        "Engagement rate less that of the 24 hours before; null when either had no sends.",
    ),
    Metric("active_users_1h", "behavior", "1h", _ACTIVE_USERS, _ACTIVE),
    Metric(
        "sessions_1h", "behavior", "1h", Total(Measure.SESSIONS), "Distinct session ids of the window's active events."
    ),
    Metric(
        "events_per_user_1h",
        "behavior",
        "1h",
        Quotient(Measure.ACTIVE_EVENTS, Measure.ACTIVE_USERS, "ratio"),
        "Active events of the window by the distinct people behind them.",
    ),
    Metric(
        "new_users_24h",
        "behavior",
        "24h",
        Total(Measure.NEW_USERS),
        "People whose first registration ever falls in the window.",
    ),
)

METRICS: Final[dict[MetricName, Metric]] = {metric.name: metric for metric in _ALL}

ALERT_RATIOS: Final[dict[AlertRatioName, Quotient]] = {
    "engagement_rate": _OPEN_RATE,
    "bounce_rate": Quotient(Measure.BOUNCES, Measure.SENDS),
    "conversion_rate": Quotient(Measure.CONVERSIONS, Measure.ACTIVE_USERS),
    "error_rate": Quotient(Measure.ERRORS, Measure.API_REQUESTS),
}
"""Ratios that alert rules watch over a window of their own, as fractions."""


def metrics_table() -> str:
    """The catalogue as a Markdown table, one row a metric, for the documentation."""
    head = "| metric | group | window | unit | formula | definition |\n|---|---|---|---|---|---|"
    rows = (
        f"| `{m.name}` | {m.group} | {m.window} | {m.unit} | `{m.formula}` | {m.definition} |" for m in METRICS.values()
    )
    ratios = (
        f"| `{name}` | alerts | any | fraction | `{formula}` | {_ALERT_DEFINITIONS[name]} |"
        for name, formula in ALERT_RATIOS.items()
    )
    return "\n".join((head, *rows, *ratios)) + "\n"


_ALERT_DEFINITIONS: Final[dict[AlertRatioName, str]] = {
    "engagement_rate": "Opens by sends, both events of the rule's window.",
    "bounce_rate": "Bounces, hard and soft, by sends, both events of the rule's window.",
    "conversion_rate": "Conversions by distinct active people of the rule's window.",
    "error_rate": "Errors by API requests, both events of the rule's window.",
}
