"""The figures over again, written for reading: loops over plain events, no database, no cleverness."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000

PASSIVE = {
    "email_sent",
    "email_delivered",
    "email_deferred",
    "email_dropped",
    "email_bounced",
    "error",
    "api_request",
}


@dataclass(frozen=True)
class Event:
    """One event of a test's history; ``amount`` in ten-thousandths."""

    type: str
    user: str
    at: int
    session: str | None = None
    campaign: str | None = None
    amount: int | None = None
    currency: str | None = None
    label: str | None = None
    provider: str | None = None
    link: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        machine = self.type in {"email_opened", "email_clicked"} and self.label in {"machine_prefetch", "scanner"}
        return self.type not in PASSIVE and not machine


Events = list[Event]


def half_even(value: Fraction, places: int) -> float:
    """Rounded as on paper: by long division, a remainder of exactly one half goes to the even neighbour."""
    whole, rest = divmod(value.numerator * 10**places, value.denominator)
    if 2 * rest > value.denominator or (2 * rest == value.denominator and whole % 2 == 1):
        whole += 1
    return float(Fraction(whole, 10**places))


def percent(part: int, whole: int) -> float | None:
    return None if whole == 0 else half_even(Fraction(part, whole) * 100, 2)


def growth(now: int, before: int) -> float | None:
    return None if before <= 0 else half_even(Fraction(now - before, before) * 100, 2)


def count(events: Iterable[Event], kind: str) -> int:
    return sum(event.type == kind for event in events)


def revenue(events: Iterable[Event], currency: str) -> int:
    """In ten-thousandths."""
    return sum(e.amount for e in events if e.type == "conversion" and e.currency == currency and e.amount is not None)


def active(events: Events) -> Events:
    return [event for event in events if event.active]


def users(events: Iterable[Event]) -> set[str]:
    return {event.user for event in events}


def first_registrations(history: Events) -> Events:
    """Each person's first registration ever; of several at one instant the one that came first."""
    first: dict[str, Event] = {}
    for event in history:
        if event.type == "user_registration" and (event.user not in first or event.at < first[event.user].at):
            first[event.user] = event
    return list(first.values())


def metrics(history: Events, as_of: int, base: str) -> dict[str, Any]:
    """The value of every metric by name."""
    hour = [e for e in history if as_of - HOUR < e.at <= as_of]
    day = [e for e in history if as_of - DAY < e.at <= as_of]
    before = [e for e in history if as_of - 2 * DAY < e.at <= as_of - DAY]
    sends, opens, clicks = (count(hour, kind) for kind in ("email_sent", "email_opened", "email_clicked"))
    sends_24, opens_24, clicks_24 = (count(day, kind) for kind in ("email_sent", "email_opened", "email_clicked"))
    sends_before, opens_before = count(before, "email_sent"), count(before, "email_opened")
    conversions = count(hour, "conversion")
    hour_active = active(hour)
    return {
        "total_sends_1h": sends,
        "total_opens_1h": opens,
        "total_clicks_1h": clicks,
        "email_open_rate_1h": percent(opens, sends),
        "email_click_rate_1h": percent(clicks, sends),
        "click_to_open_rate_1h": percent(clicks, opens),
        "email_open_rate_24h": percent(opens_24, sends_24),
        "email_click_rate_24h": percent(clicks_24, sends_24),
        "click_to_open_rate_24h": percent(clicks_24, opens_24),
        "conversions_1h": conversions,
        "referrals_1h": count(hour, "referral_made"),
        "contest_joins_1h": count(hour, "contest_joined"),
        "referral_conversion_rate_1h": percent(conversions, count(hour, "referral_made")),
        "contest_conversion_rate_1h": percent(conversions, count(hour, "contest_joined")),
        "revenue_1h": revenue(hour, base) / 10_000,
        "revenue_24h": revenue(day, base) / 10_000,
        "revenue_growth_24h": growth(revenue(day, base), revenue(before, base)),
        "revenue_per_conversion": half_even(Fraction(revenue(hour, base), 10_000 * conversions), 4)
        if conversions
        else None,
        "conversions_24h": count(day, "conversion"),
        "conversion_growth_24h": growth(count(day, "conversion"), count(before, "conversion")),
        "active_users_24h": len(users(active(day))),
        "user_growth_24h": growth(len(users(active(day))), len(users(active(before)))),
        "engagement_rate_24h": percent(opens_24, sends_24),
        "engagement_growth_24h": half_even(
            100 * (Fraction(opens_24, sends_24) - Fraction(opens_before, sends_before)), 2
        )
        if sends_24 and sends_before
        else None,
        "active_users_1h": len(users(hour_active)),
        "sessions_1h": len({e.session for e in hour_active if e.session is not None}),
        "events_per_user_1h": half_even(Fraction(len(hour_active), len(users(hour_active))), 2)
        if hour_active
        else None,
        "new_users_24h": sum(as_of - DAY < e.at <= as_of for e in first_registrations(history)),
    }


def by_currency(history: Events, as_of: int) -> dict[str, float]:
    day = [e for e in history if as_of - DAY < e.at <= as_of and e.type == "conversion" and e.amount is not None]
    return {c: revenue(day, c) / 10_000 for c in {e.currency for e in day} if c is not None}


def local(instant: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).astimezone(zone)


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


def heatmap(history: Events, as_of: int, days: int, zone: ZoneInfo) -> list[list[int]]:
    values = [[0] * 24 for _ in range(7)]
    for event in history:
        if event.active and as_of - days * DAY < event.at <= as_of:
            clock = local(event.at, zone)
            values[clock.weekday()][clock.hour] += 1
    return values


def funnel(history: Events, as_of: int) -> list[int]:
    """People of the last 24 hours at each step of the e-mail funnel, in any order, machines left out."""
    did: dict[str, set[str]] = defaultdict(set)
    for event in history:
        if as_of - DAY < event.at <= as_of and (event.active or event.type == "email_sent"):
            did[event.user].add(event.type)
    steps = ["email_sent", "email_opened", "email_clicked", "conversion"]
    return [sum(set(steps[: n + 1]) <= types for types in did.values()) for n in range(4)]


def campaigns(history: Events, as_of: int, base: str) -> list[dict[str, Any]]:
    """The overview's table: the last 24 hours by campaign."""
    told = {"email_sent", "email_delivered", "email_deferred", "email_dropped", "email_opened", "email_clicked"}
    told |= {"email_bounced", "conversion"}
    groups: dict[str | None, Events] = defaultdict(list)
    for event in history:
        if as_of - DAY < event.at <= as_of and event.type in told:
            groups[event.campaign].append(event)
    rows = [_campaign(name, events, base) for name, events in groups.items()]
    return sorted(rows, key=lambda row: (-row["sends"], row["campaign_id"] is None, row["campaign_id"] or ""))[:20]


def _campaign(name: str | None, events: Events, base: str) -> dict[str, Any]:
    of = {kind: {e.user for e in events if e.type == kind} for kind in Counter(e.type for e in events)}
    nobody: set[str] = set()
    recipients = of.get("email_sent", nobody)
    arrived = recipients & of.get("email_delivered", nobody)
    failed = recipients & (of.get("email_bounced", nobody) | of.get("email_dropped", nobody))
    reported = arrived | failed | (recipients & of.get("email_deferred", nobody))
    delivered = len(arrived) if 100 * len(reported) >= 95 * len(recipients) else len(recipients - failed)
    openers, clickers = len(of.get("email_opened", nobody)), len(of.get("email_clicked", nobody))
    return {
        "campaign_id": name,
        "sends": count(events, "email_sent"),
        "opens": count(events, "email_opened"),
        "clicks": count(events, "email_clicked"),
        "conversions": count(events, "conversion"),
        "revenue": revenue(events, base) / 10_000,
        "delivered": delivered,
        "unique_opens": openers,
        "unique_clicks": clickers,
        "open_rate": percent(openers, delivered),
        "click_rate": percent(clickers, delivered),
    }
