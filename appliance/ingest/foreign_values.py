"""Times and amounts as other programs write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from appliance.clock import from_datetime, iso
from appliance.events.timestamps import instant_us

Convert = Callable[[Any], Any]

_EPOCH: Final = re.compile(r"-?\d{9,}(\.\d+)?", re.ASCII)
_OFFSET: Final = re.compile(r"(?:[Zz]|[+-]\d\d(?::?\d\d)?)$", re.ASCII)
_WITH_COMMA: Final = re.compile(r"[+-]?(?:\d{1,3}(?:[.'\u2019 \u00a0\u202f]\d{3})+|\d+)(?:,\d+)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"[.'\u2019 \u00a0\u202f]")


class Unreadable(ValueError):
    """The value is not written as the mapping says; the message is for the one who sent it."""


def epoch_or_text(value: Any) -> Any:
    """Text of nine digits or more as the number that it is: seconds, milliseconds or microseconds since 1970."""
    if isinstance(value, str) and _EPOCH.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def time_reader(form: str | None, zone: str | None) -> Convert:
    """Turns a time into what an event's ``timestamp`` may be; raises ``Unreadable``.

    A time that ``zone`` skips or has twice, when its clocks are set, counts with the offset from before.
    """
    local = ZoneInfo(zone) if zone is not None else UTC

    def by_format(value: Any) -> Any:
        try:
            moment = datetime.strptime(str(value).strip(), form or "")  # noqa: DTZ007 - the next line gives the zone
            return iso(from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=local)))
        except (ValueError, OverflowError) as fault:
            raise Unreadable(f"{str(value)[:80]!r} does not have the timestamp_format {form!r}") from fault

    def by_zone(value: Any) -> Any:
        value = epoch_or_text(value)
        if not isinstance(value, str) or _OFFSET.search(value, 10):
            return value
        try:
            instant_us(value)  # the grammar of an event's own times
            return iso(from_datetime(datetime.fromisoformat(value.upper()).replace(tzinfo=local)))
        except (ValueError, OverflowError):
            return value

    if form is not None:
        return by_format
    return epoch_or_text if zone is None else by_zone


def amount_with_comma(value: Any) -> Any:
    """The amount as decimal text with a point; raises ``Unreadable``."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _WITH_COMMA.fullmatch(text):
        raise Unreadable(f"{text[:80]!r} is no amount with a decimal comma such as 1.234,50")
    return _THOUSANDS.sub("", text).replace(",", ".")
