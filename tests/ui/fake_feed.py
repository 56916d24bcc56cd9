"""A feed of made-up snapshots in the form that the live hub gives them, to look at and to test the dashboard with."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.clock import HOUR_US, MINUTE_US, SECOND_US, SystemClock, iso
from appliance.ui.feed import Snapshot
from appliance.ui.server import Dashboard

HOURS = range(24)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


@dataclass(frozen=True)
class FakeSnapshot:
    """A snapshot that is what it is told to be."""

    version: int
    encoded: bytes
    as_of_us: int = 0


class FakeFeed:
    """A feed that is pushed by hand."""

    def __init__(self, first: FakeSnapshot | None = None) -> None:
        self._latest = first
        self._callbacks: list[Callable[[Snapshot], None]] = []

    def latest(self) -> FakeSnapshot | None:
        return self._latest

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def subscribers(self) -> int:
        return len(self._callbacks)

    def push(self, figures: dict[str, Any]) -> None:
        """Make ``figures`` the latest snapshot, and tell of it."""
        self._latest = snapshot(figures)
        for callback in list(self._callbacks):
            callback(self._latest)


def snapshot(figures: dict[str, Any]) -> FakeSnapshot:
    """``figures`` as the hub would encode them."""
    as_of = datetime.fromisoformat(figures["as_of"])
    return FakeSnapshot(figures["version"], json.dumps(figures).encode(), round(as_of.timestamp() * SECOND_US))


def figures(
    version: int = 1, *, now_us: int | None = None, has_data: bool = True, empty: bool = False
) -> dict[str, Any]:
    """A whole snapshot. ``has_data=False``: every ratio is null and every count 0, as in a log that fell silent."""
    now_us = SystemClock().now_us() if now_us is None else now_us
    hour = now_us - now_us % HOUR_US
    minute = now_us - now_us % MINUTE_US
    scale = 1 if has_data else 0
    starts = [iso(hour - (23 - h) * HOUR_US) for h in HOURS]
    wave = [(1.2 + math.sin((h - 4) / 24 * 2 * math.pi)) * scale for h in HOURS]
    return {
        "version": version,
        "as_of": iso(now_us),
        "hourly_as_of": iso(now_us - 2 * SECOND_US),
        "slow_as_of": iso(now_us - 9 * SECOND_US),
        "timezone": "Europe/Berlin",
        "position": f"fake-{version}",
        "tick_ms": 12.5,
        "metrics": metrics(version, scale),
        "activity": {"points": [_minute(minute, i, version, scale) for i in range(60)]},
        "funnel": {"window": "24h", "steps": _steps(scale)},
        "revenue": {
            "currency": "USD",
            "points": [{"start": starts[h], "value": _revenue(h, wave), "complete": h < 23} for h in HOURS],
            "previous": [round(1500 * wave[h] * (0.85 + 0.1 * math.cos(h)), 2) for h in HOURS],
        },
        "rates": {"points": [_rates(starts[h], h, has_data) for h in HOURS]},
        "heatmap": {"days": DAYS, "hours": list(HOURS), "values": _heat(scale)},
        "campaigns": _campaigns() if has_data else [],
        "sparklines": {
            "revenue": [round(1800 * w) for w in wave],
            "conversions": [round(20 * w + h % 3) * scale for h, w in enumerate(wave)],
            "active_users": [round(400 * w) for w in wave],
            "engagement_rate": [round(24 + 3 * math.sin(h), 2) if has_data and h != 9 else None for h in HOURS],
        },
        "empty": empty,
    }


def metrics(version: int, scale: int) -> dict[str, Any]:
    """The metrics that the overview shows."""
    opens, sends, clicks = (4_812 + version, 19_704, 861) if scale else (0, 0, 0)
    made = {
        "revenue_24h": _metric(48_213.4525 * scale, "money", "Sum of the amounts of conversions."),
        "revenue_growth_24h": _metric(12.43 if scale else None, "percent", "Against the 24 h before."),
        "conversions_24h": _metric((612 + version) * scale, "count", "Conversion events in the window."),
        "conversion_growth_24h": _metric(-3.1 if scale else None, "percent", "Against the 24 h before."),
        "active_users_24h": _metric(8_954 * scale, "count", "Distinct users with an active event in the window."),
        "user_growth_24h": _metric(0 if scale else None, "percent", "Against the 24 h before."),
        "engagement_rate_24h": _ratio(opens, sends, "Opens / sends in the window."),
        "engagement_growth_24h": _metric(1.27 if scale else None, "percentage_points", "Against the 24 h before."),
    }
    made["revenue_24h"] |= {"currency": "USD", "by_currency": {"USD": 48_213.4525, "EUR": 1_204.5} if scale else {}}
    for window, share in (("1h", 24), ("24h", 1)):
        made[f"email_open_rate_{window}"] = _ratio(opens // share, sends // share, "Opens / sends.")
        made[f"email_click_rate_{window}"] = _ratio(clicks // share, sends // share, "Clicks / sends.")
        made[f"click_to_open_rate_{window}"] = _ratio(clicks // share, opens // share, "Clicks / opens.")
    return made


def _metric(value: float | None, unit: str, definition: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "window": "24h", "group": "dashboard", "definition": definition}


def _ratio(numerator: int, denominator: int, definition: str) -> dict[str, Any]:
    value = round(100 * numerator / denominator, 2) if denominator else None
    return _metric(value, "percent", definition) | {"numerator": numerator, "denominator": denominator}


def _minute(minute: int, i: int, version: int, scale: int) -> dict[str, Any]:
    events = round((90 + 40 * math.sin(i / 7 + version / 9) + 13 * math.sin(i * 2.7)) * (0.4 if i == 59 else 1))
    return {"start": iso(minute - (59 - i) * MINUTE_US), "events": events * scale}


def _revenue(hour: int, wave: list[float]) -> float:
    return round(1800 * wave[hour] * (1 + 0.12 * math.sin(hour * 1.7)) * (0.35 if hour == 23 else 1), 2)


def _steps(scale: int) -> list[dict[str, Any]]:
    users = [("Sent", "email_sent", 12_480), ("Opened", "email_opened", 4_211), ("Clicked", "email_clicked", 803)]
    users.append(("Converted", "conversion", 214))
    first = 12_480 * scale
    return [
        {
            "name": name,
            "event_type": event_type,
            "users": n * scale,
            "percent_of_first": round(100 * n / first, 2) if first else None,
        }
        for name, event_type, n in users
    ]


def _rates(start: str, hour: int, has_data: bool) -> dict[str, Any]:
    if not has_data or hour in {7, 9}:
        return {"start": start, "open": None, "click": None, "click_to_open": None}
    opened, clicked = round(24 + 3 * math.sin(hour), 2), round(4.3 + 0.8 * math.cos(hour), 2)
    return {"start": start, "open": opened, "click": clicked, "click_to_open": round(100 * clicked / opened, 2)}


def _heat(scale: int) -> list[list[int]]:
    day = [180 * (1 + math.sin((h - 8) / 24 * 2 * math.pi)) for h in HOURS]
    return [[round(day[h] * (0.5 if d > 4 else 1) + 7 * (d * h % 5)) * scale for h in HOURS] for d in range(7)]


def _campaigns() -> list[dict[str, Any]]:
    names = ["spring-sale-2026", "welcome", "newsletter-week-31", "win-back", "<b>bold</b>", "refer-a-friend", None]
    names.append("a-campaign-with-a-name-that-someone-generated-and-nobody-shortened-2026-07-31-variant-b")
    return [
        {
            "campaign_id": name,
            "sends": 6_200 // (i + 1),
            "opens": 1_500 // (i + 1),
            "clicks": 260 // (i + 1),
            "conversions": 90 // (i + 1),
            "revenue": round(9_120.55 / (i + 1), 2),
            "open_rate": round(24.2 + 3 * math.sin(i), 2) if i != 5 else None,
            "click_rate": round(4.2 + 2 * math.cos(i), 2) if i != 5 else None,
        }
        for i, name in enumerate(names)
    ]


def main() -> None:
    """Show the dashboard with figures that change each second: ``python -m tests.ui.fake_feed PORT [empty|silent]``."""
    port, kind = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "busy"
    options = {"has_data": kind == "busy", "empty": kind == "empty"}
    feed = FakeFeed(snapshot(figures(1, **options)))
    dashboard = Dashboard(host="127.0.0.1", port=port, feed=feed, api_url="http://127.0.0.1:8080")
    dashboard.start()
    for version in range(2, 1_000_000):
        time.sleep(1)
        feed.push(figures(version, **options))


if __name__ == "__main__":
    threading.current_thread().name = "main"
    main()
