"""The figures over again, written for reading: loops over plain events, no database, no cleverness."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
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
