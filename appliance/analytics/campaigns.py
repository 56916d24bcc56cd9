"""Campaigns of a trailing window, as the overview lists them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final, NamedTuple

import duckdb

from appliance.analytics.reading import fetch
from appliance.analytics.rounding import money, rounded
from appliance.sql import queries

_SQL = queries("appliance.analytics", "campaigns.sql")

# Delivery events are believed when they, or others that tell an e-mail's fate, cover this share of recipients.
_REPORTED_SHARE: Final = Fraction(95, 100)


class _Found(NamedTuple):
    """A row of the query, in its order."""

    campaign_id: str | None
    sends: int
    opens: int
    clicks: int
    conversions: int
    revenue: int | None
    recipients: int
    delivered: int
    reported: int
    failed: int
    unique_opens: int
    unique_clicks: int


def campaigns_in_window(
    cursor: duckdb.DuckDBPyConnection, *, as_of_us: int, window_us: int, base_currency: str, most: int = 20
) -> list[dict[str, Any]]:
    """The ``most`` campaigns with most sends in the trailing window, then by name; ``None`` is no campaign.

    ``sends``, ``opens``, ``clicks``, ``conversions`` count events. ``open_rate`` and ``click_rate`` are
    percentages of ``delivered``: distinct people who opened (clicked) in the window by the window's
    recipients to whom it was delivered, ``None`` over nobody. Delivered are recipients with a delivered
    event where such events are sent (95 % of recipients have one, or a bounce, drop or deferral), else
    recipients less those bounced or dropped.
    """
    parameters = {"after": as_of_us - window_us, "as_of": as_of_us, "currency": base_currency, "most": most}
    return [_row(_Found(*row)) for row in fetch(cursor, _SQL["window"], parameters)]


def _row(found: _Found) -> dict[str, Any]:
    reported_enough = found.reported >= _REPORTED_SHARE * found.recipients
    delivered = found.delivered if reported_enough else found.recipients - found.failed
    return {
        "campaign_id": found.campaign_id,
        "sends": int(found.sends),
        "opens": int(found.opens),
        "clicks": int(found.clicks),
        "conversions": int(found.conversions),
        "revenue": money(int(found.revenue or 0)),
        "delivered": delivered,
        "unique_opens": found.unique_opens,
        "unique_clicks": found.unique_clicks,
        "open_rate": _percent(found.unique_opens, delivered),
        "click_rate": _percent(found.unique_clicks, delivered),
    }


def _percent(part: int, whole: int) -> float | None:
    return rounded(Fraction(100 * part, whole), 2) if whole else None
