"""Overview: how the last day goes, on one page."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.ui.components.activity import activity_chart
from appliance.ui.components.rates import rates_chart
from appliance.ui.components.revenue import revenue_chart
from appliance.ui.components.tile import tile
from appliance.ui.shell import Page, Section

KPI_CARDS = (
    {"title": "Revenue, 24 h", "metric": "revenue_24h", "growth": "revenue_growth_24h", "sparkline": "revenue"},
    {
        "title": "Conversions, 24 h",
        "metric": "conversions_24h",
        "growth": "conversion_growth_24h",
        "sparkline": "conversions",
    },
    {
        "title": "Active users, 24 h",
        "metric": "active_users_24h",
        "growth": "user_growth_24h",
        "sparkline": "active_users",
    },
    {
        "title": "Engagement rate, 24 h",
        "metric": "engagement_rate_24h",
        "growth": "engagement_growth_24h",
        "sparkline": "engagement_rate",
    },
)

RATES = (
    {"title": "Open rate", "metric": "email_open_rate_1h", "day": "email_open_rate_24h", "line": "open"},
    {"title": "Click rate", "metric": "email_click_rate_1h", "day": "email_click_rate_24h", "line": "click"},
    {"title": "Click to open", "metric": "click_to_open_rate_1h", "day": "click_to_open_rate_24h", "line": "to-open"},
)


def _sections() -> Sequence[Section]:
    return [
        Section("kpis", "Key figures", [tile("kpi_cards", cards=list(KPI_CARDS))], is_card=False),
        Section(
            "activity",
            "Activity",
            [activity_chart()],
            columns=7,
            note="events a minute, last hour, UTC",
            chart="Bar chart: events of each minute of the last hour",
            table="activity",
        ),
        Section(
            "funnel",
            "E-mail funnel",
            [tile("funnel")],
            columns=5,
            note="people with this and all earlier steps, last 24 h",
            table="funnel",
        ),
        Section(
            "revenue",
            "Revenue trend",
            [revenue_chart()],
            columns=7,
            note="¤ an hour, last 24 h, UTC; thin line: the day before",
            chart="Line chart: revenue of each hour of the last 24 hours, and of the 24 hours before",
            table="revenue",
            as_of="hourly_as_of",
        ),
        Section(
            "rates",
            "Engagement rates",
            [tile("rate_legend", rates=list(RATES)), rates_chart()],
            columns=5,
            note="each hour's own events, UTC",
            chart="Line chart: open rate, click rate and click-to-open rate of each of the last 24 hours",
            table="rates",
            as_of="hourly_as_of",
        ),
        Section(
            "heatmap",
            "When people are active",
            [tile("heatmap")],
            note="active events of each hour, last 7 days, §",
            as_of="slow_as_of",
        ),
        Section(
            "campaigns",
            "Campaigns",
            [tile("campaigns")],
            note="last 24 h, the 20 with most sends; rates: unique people ÷ delivered",
            as_of="slow_as_of",
        ),
    ]


OVERVIEW = Page(
    path="/",
    title="Overview",
    charts=("activity", "revenue", "rates"),
    sections=_sections,
    definitions=(
        "Rates of the cards and of the chart are window ratios: opens (clicks) of the window divided by sends, or by "
        "opens, of the same window, whenever the message was sent. Rates of campaigns count people: those who opened "
        "(clicked) in the last 24 h, each once, divided by those to whom the campaign was delivered in the last 24 h. "
        "Rates of a send cohort — what became, ever since, of those a campaign was sent to — can differ from both."
    ),
)
