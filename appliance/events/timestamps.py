"""The instant an event states: ISO 8601 text, or a number of Unix seconds, milliseconds or microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_NAIVE: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - an instant without a zone is UTC by contract
_SECONDS_BELOW: Final = 100_000_000_000
_MILLISECONDS_BELOW: Final = 100_000_000_000_000
_EARLIEST_US: Final = -62_135_596_800_000_000  # the years 1 to 9999: what calendars and the log can show
_LATEST_US: Final = 253_402_300_799_999_999
# fromisoformat takes any character between date and time, week dates, a fraction of anything and 99 minutes of
# offset; ISO 8601 in the field doesn't.
_SHAPE: Final = re.compile(
    r"\d{4}-?\d\d-?\d\d(?:[Tt ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?(?:[Zz]|[+-]\d\d(?::?[0-5]\d)?)?)?", re.ASCII
)


def instant_us(value: object) -> int:
    """Microseconds since the epoch; raises ``ValueError`` where ``value`` states no instant.

    Numbers below 1e11 are seconds, below 1e14 milliseconds, else microseconds. Text without an
    offset is UTC. What is finer than a microsecond is cut off.
    """
    if type(value) is str:
        return _from_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_number(value)
    raise ValueError("neither text nor a number")


def _from_text(text: str) -> int:
    # What nearly everyone sends, 2026-01-31T12:00:00[.123]Z, needs no closer look than the parser itself takes;
    # of longer fractions it reads the first six digits and passes over anything else.
    size = len(text)
    is_usual = (size == 20 or (21 < size < 28 and text[19] == ".")) and text[4:17:3] == "--T::" and text[-1] == "Z"
    if not is_usual:
        if not _SHAPE.fullmatch(text):
            raise ValueError("not ISO 8601")
        text = text.upper()
    moment = datetime.fromisoformat(text)
    since = moment - (_EPOCH_NAIVE if moment.tzinfo is None else _EPOCH)
    found_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return found_us if is_usual else _in_calendar(found_us)


def _from_number(value: float) -> int:
    size = abs(value)
    if size < _SECONDS_BELOW:
        return _in_calendar(round(value * 1_000_000))
    if size < _MILLISECONDS_BELOW:
        return _in_calendar(round(value * 1_000))
    return _in_calendar(int(value))


def _in_calendar(found_us: int) -> int:
    if not _EARLIEST_US <= found_us <= _LATEST_US:
        raise ValueError("outside of the years 1 to 9999")
    return found_us
