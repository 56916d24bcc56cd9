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
_TUESDAY, _THURSDAY = 1, 3

ONBOARDING: Final = "onboarding-drip"
CART_REMINDER: Final = "cart-reminder"


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
    days = range(from_us // DAY_US - 1, to_us // DAY_US + 1)
    planned = [campaign for day in days if (campaign := _of_day(day)) is not None]
    return [one for one in planned if one.start_us < to_us and one.start_us + one.minutes * MINUTE_US > from_us]


def latest(at_us: int) -> Campaign:
    """The campaign that started last before ``at_us``: what second waves are sent for."""
    today = at_us // DAY_US
    planned = (_of_day(day) for day in range(today, today - 8, -1))
    return next(one for one in planned if one is not None and one.start_us <= at_us)


@cache
def _of_day(day: int) -> Campaign | None:
    """The campaign that starts on the day of that number since 1970, if any: two a week."""
    date = to_datetime(day * DAY_US)
    if date.weekday() == _TUESDAY:
        year, week, _ = date.isocalendar()
        return Campaign(f"weekly-digest-{year}-w{week:02d}", _at(date, 14), 50, 0.5)
    if date.weekday() == _THURSDAY:
        return Campaign(_name_of_thursday(date), _at(date, 9), 90, 0.4)
    return None


def _name_of_thursday(date: datetime) -> str:
    names = (
        f"{_SEASONS[date.month % 12 // 3]}-launch",
        f"winback-q{(date.month + 2) // 3}",
        f"product-update-{date:%Y-%m}",
        f"referral-boost-{_MONTHS[date.month - 1]}",
    )
    return names[date.isocalendar().week % 4]


def _at(date: datetime, hour: int) -> int:
    return from_datetime(date + timedelta(hours=hour))


def _coprime(people: int) -> int:
    stride = max(1, int(people * 0.618))
    while gcd(stride, people) != 1:
        stride += 1
    return stride
