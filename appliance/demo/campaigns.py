"""Which campaigns go out when: a calendar that follows from the date alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from math import gcd
from typing import Final, NamedTuple

from appliance.clock import DAY_US, HOUR_US, MINUTE_US, from_datetime, to_datetime

_SEASONS = ("winter", "spring", "summer", "autumn")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SATURDAY = 5

ONBOARDING: Final = "onboarding-drip"
CART_REMINDER: Final = "cart-reminder"
_DIGEST: Final = "daily-digest"


class Campaign(NamedTuple):
    campaign_id: str
    start_us: int
    minutes: int
    """How long the sending takes."""
    audience: float
    """The share of everyone registered by then that it goes to."""

    def recipients(self, people: int, from_us: int, to_us: int) -> Iterator[tuple[int, int]]:
        """Instant and member number of each send in [from_us, to_us), out of ``people`` members.

        Members are met in strides that have no divisor in common with their number: nobody twice,
        in no recognisable order, and any stretch of time can be asked for alone.
        """
        count = int(people * self.audience)
        if count == 0:
            return
        gap_us = self.minutes * MINUTE_US / count
        first = max(0, -int((self.start_us - from_us) // gap_us))
        stride = _coprime(people)
        offset = self.start_us // HOUR_US % people
        for number in range(first, count):
            at_us = self.start_us + int(number * gap_us)
            if at_us >= to_us:
                return
            if at_us >= from_us:
                yield at_us, (offset + number * stride) % people


def due(from_us: int, to_us: int) -> list[Campaign]:
    """The campaigns that send at some time in [from_us, to_us)."""
    planned = [campaign for day in range(from_us // DAY_US - 1, to_us // DAY_US + 1) for campaign in _of_day(day)]
    return [one for one in planned if one.start_us < to_us and one.start_us + one.minutes * MINUTE_US > from_us]


def latest(at_us: int) -> Campaign:
    """The newsletter that started last before ``at_us``: what second waves are sent for."""
    today = at_us // DAY_US
    newsletters = (_of_day(day)[-1] for day in (today, today - 1))
    return next(one for one in newsletters if one.start_us <= at_us)


@cache
def _of_day(day: int) -> tuple[Campaign, ...]:
    """The digest and the newsletter that start on the day of that number since 1970.

    The same hours every day and another part of the readers each time: so any 24 hours hold
    about as much mail as the 24 before, and only the weekend's are lighter.
    """
    date = to_datetime(day * DAY_US)
    weight = 0.75 if date.weekday() >= _SATURDAY else 1.0
    return (
        Campaign(_DIGEST, _at(date, 7), 150, 0.10 * weight),
        Campaign(_newsletter(date), _at(date, 14), 90, 0.18 * weight),
    )


def _newsletter(date: datetime) -> str:
    year, week, _ = date.isocalendar()
    return (
        f"product-update-{date:%Y-%m}",
        f"weekly-digest-{year}-w{week:02d}",
        f"winback-q{(date.month + 2) // 3}",
        f"{_SEASONS[date.month % 12 // 3]}-launch",
        f"referral-boost-{_MONTHS[date.month - 1]}",
        "weekend-picks",
        "weekend-picks",
    )[date.weekday()]


def _at(date: datetime, hour: int) -> int:
    return from_datetime(date + timedelta(hours=hour))


def _coprime(people: int) -> int:
    stride = max(1, int(people * 0.618))
    while gcd(stride, people) != 1:
        stride += 1
    return stride
