"""The instants that a ``timestamp`` may state, read with a calendar and exact decimals."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any, Final

from tests.unit.events.plain_json import Number

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE: Final = r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<zone_hour>\d\d)(?::?(?P<zone_minute>\d\d))?)?"
_USUAL: Final = (
    re.compile(
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
        rf"([Tt ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?{_ZONE})?",
        re.ASCII,
    ),
    re.compile(
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        rf"[Tt](?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(\.(?P<fraction>\d+))?{_ZONE}",
        re.ASCII,
    ),
)
# ISO 8601 too, or nearly, and rare: comma for point, hours alone, a compact date or time, mixed styles
_EXOTIC: Final = re.compile(
    r"(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)"
    rf"([Tt ](?P<hour>\d\d)(:?(?P<minute>\d\d)(:?(?P<second>\d\d)([.,](?P<fraction>\d+))?)?)?{_ZONE})?",
    re.ASCII,
)


@dataclass(frozen=True)
class Reading:
    """The microseconds on both sides of the instant, the same where it is a whole one."""

    first_us: int
    last_us: int
    is_exotic: bool = False
    """A form that an implementation may refuse."""


def reads_as(value: Any) -> Reading | None:
    """What the timestamp states; ``None`` where it states no instant."""
    if isinstance(value, Number):
        return _of_number(value)
    if isinstance(value, str):
        return _of_text(value)
    return None


def _of_number(value: Number) -> Reading | None:
    """Below 1e11 seconds, below 1e14 milliseconds, else microseconds."""
    if not value.fits_a_double():
        return None
    with localcontext(prec=1_000):
        exact = Decimal(value.text)
        scale = 1_000_000 if abs(exact) < 10**11 else 1_000 if abs(exact) < 10**14 else 1
        exact *= scale
        first, last = math.floor(exact), math.ceil(exact)
    return Reading(first, last, is_exotic=_beyond_calendars(first))


def _of_text(text: str) -> Reading | None:
    found = next((match for form in _USUAL if (match := form.fullmatch(text))), None)
    exotic = found is None
    found = found or _EXOTIC.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    zone_hour, zone_minute = int(found["zone_hour"] or 0), int(found["zone_minute"] or 0)
    if zone_hour > 23 or zone_minute > 59:
        return None
    try:
        day = (int(found["year"]), int(found["month"]), int(found["day"]))
        moment = datetime(*day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    offset = timedelta(hours=zone_hour, minutes=zone_minute) * (-1 if found["sign"] == "-" else 1)
    whole_us = (moment - _EPOCH - offset) // timedelta(microseconds=1)
    fraction = Decimal("0." + (found["fraction"] or "0")) * 1_000_000
    first, last = whole_us + math.floor(fraction), whole_us + math.ceil(fraction)
    return Reading(first, last, exotic or _beyond_calendars(first))


def _beyond_calendars(instant_us: int) -> bool:
    """Before the year 1 or after 9999 in UTC: an implementation may call it bad rather than old or to come."""
    return not -62_135_596_800_000_000 <= instant_us < 253_402_300_800_000_000
