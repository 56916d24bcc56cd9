"""Series over again, written for reading: buckets found by watching the clock on the wall."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.unit.analytics.reference import (
    DAY,
    HOUR,
    MINUTE,
    Event,
    Events,
    active,
    count,
    first_registrations,
    half_even,
    local,
    percent,
    revenue,
    users,
)


def _face(instant: int, interval: str, zone: ZoneInfo) -> tuple[Any, ...] | date:
    """What a calendar or clock on the wall shows for as long as a bucket lasts."""
    clock = local(instant, zone)
    if interval == "day":
        return clock.date()
    parts = (clock.date(), clock.hour, clock.utcoffset())
    return parts if interval == "hour" else (*parts, clock.minute)


def edges(interval: str, zone: ZoneInfo, from_us: int, to_us: int) -> list[int]:
    """Where buckets begin, by watching the clock: a new one whenever the wall shows something else.

    Every zone of today changes at whole quarters of an hour.
    """
    step = MINUTE if interval == "minute" else 15 * MINUTE
    reach = {"minute": 2 * MINUTE, "hour": 2 * HOUR, "day": 2 * DAY}[interval]
    found, shown = [], None
    for instant in range((from_us - reach) // step * step, to_us + reach, step):
        face = _face(instant, interval, zone)
        if shown is not None and face != shown:
            found.append(instant)
        shown = face
    begin = max(edge for edge in found if edge <= from_us)
    end = min(edge for edge in found if edge >= to_us)
    return [edge for edge in found if begin <= edge <= end]


def last_edges(interval: str, zone: ZoneInfo, as_of: int, buckets: int) -> list[int]:
    width = {"minute": MINUTE, "hour": HOUR, "day": DAY}[interval]
    return edges(interval, zone, as_of - (buckets + 1) * width, as_of + 1)[-buckets - 1 :]


def _quotient(above: str, below: str) -> Callable[[Events, str], Any]:
    return lambda events, _base: percent(count(events, above), count(events, below))


def _counted(kind: str) -> Callable[[Events, str], Any]:
    return lambda events, _base: count(events, kind)


def _per_conversion(events: Events, base: str) -> float | None:
    conversions = count(events, "conversion")
    return half_even(Fraction(revenue(events, base), 10_000 * conversions), 4) if conversions else None


def _per_user(events: Events, _base: str) -> float | None:
    return half_even(Fraction(len(active(events)), len(users(active(events)))), 2) if active(events) else None


SERIES: dict[str, tuple[set[str] | None, Callable[[Events, str], Any]]] = {
    "total_sends": ({"email_sent"}, _counted("email_sent")),
    "total_opens": ({"email_opened"}, _counted("email_opened")),
    "total_clicks": ({"email_clicked"}, _counted("email_clicked")),
    "email_open_rate": ({"email_opened", "email_sent"}, _quotient("email_opened", "email_sent")),
    "email_click_rate": ({"email_clicked", "email_sent"}, _quotient("email_clicked", "email_sent")),
    "click_to_open_rate": ({"email_clicked", "email_opened"}, _quotient("email_clicked", "email_opened")),
    "engagement_rate": ({"email_opened", "email_sent"}, _quotient("email_opened", "email_sent")),
    "bounce_rate": ({"email_bounced", "email_sent"}, _quotient("email_bounced", "email_sent")),
    "error_rate": ({"error", "api_request"}, _quotient("error", "api_request")),
    "conversions": ({"conversion"}, _counted("conversion")),
    "referrals": ({"referral_made"}, _counted("referral_made")),
    "contest_joins": ({"contest_joined"}, _counted("contest_joined")),
    "referral_conversion_rate": ({"conversion", "referral_made"}, _quotient("conversion", "referral_made")),
    "contest_conversion_rate": ({"conversion", "contest_joined"}, _quotient("conversion", "contest_joined")),
    "revenue_per_conversion": ({"conversion"}, _per_conversion),
    "revenue": (None, lambda events, base: revenue(events, base) / 10_000),
    "active_users": (None, lambda events, _: len(users(active(events)))),
    "conversion_rate": (None, lambda events, _: percent(count(events, "conversion"), len(users(active(events))))),
    "sessions": (None, lambda events, _: len({e.session for e in active(events) if e.session is not None})),
    "events_per_user": (None, _per_user),
    "new_users": (None, lambda events, _: len(events)),
}
"""Each base name with the types it looks at (``None``: see ``_looks_at``) and its value for a set of events."""


def _looks_at(metric: str, event: Event, base: str | None) -> bool:
    """Whether an event counts for a metric; ``base`` is ``None`` where each currency stands for itself."""
    types = SERIES[metric][0]
    if types is not None:
        return event.type in types
    if metric == "revenue":
        return event.type == "conversion" and event.amount is not None and base in {None, event.currency}
    if metric == "new_users":
        return True
    return event.active and (metric != "sessions" or event.session is not None)


def group_name(event: Event, group_by: str) -> str | None:
    columns = {
        "campaign_id": event.campaign,
        "event_type": event.type,
        "currency": event.currency,
        "mailbox_provider": event.provider,
        "link": event.link,
    }
    if group_by in columns:
        return columns[group_by]
    value = event.properties.get(group_by.removeprefix("properties."))
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def series(
    history: Events, metric: str, bounds: list[int], as_of: int, base: str, group_by: str | None = None
) -> list[tuple[dict[str, Any], list[Any]]]:
    """Each group with its values by bucket; ``bounds`` are the edges."""
    kinds = first_registrations(history) if metric == "new_users" else history
    currency = None if group_by == "currency" else base
    events = [e for e in kinds if bounds[0] <= e.at < bounds[-1] and e.at <= as_of and _looks_at(metric, e, currency)]
    if group_by is None:
        return [({}, _buckets(events, metric, bounds, base))]
    groups: dict[str | None, Events] = defaultdict(list)
    for event in events:
        groups[group_name(event, group_by)].append(event)
    order = sorted(groups, key=lambda name: (-len(groups[name]), name is None, name or ""))
    rest: Events | None = None
    if len(order) > 50:
        listed = [name for name in order if name != "(other)"][:50]
        rest = [event for name in order if name not in listed for event in groups[name]]
        order = listed
    answer = [
        ({group_by: name}, _buckets(groups[name], metric, bounds, base if currency else name or "")) for name in order
    ]
    if rest is not None:
        answer.append(({group_by: "(other)"}, _buckets(rest, metric, bounds, base)))
    return answer


def _buckets(events: Events, metric: str, bounds: list[int], base: str) -> list[Any]:
    return [SERIES[metric][1]([e for e in events if start <= e.at < end], base) for start, end in pairwise(bounds)]
