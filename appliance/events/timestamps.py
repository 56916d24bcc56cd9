"""The instant an event states: ISO 8601 text, or a number of Unix seconds, milliseconds or microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_NAIVE: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - an instant without a zone is UTC by contract
_SECONDS_BELOW: Final = 100_000_000_000
_MILLISECONDS_BELOW: Final = 100_000_000_000_000
# fromisoformat takes any character between date and time, and week dates; ISO 8601 in the field doesn't.
_SHAPE: Final = re.compile(
    r"\d{4}-?\d\d-?\d\d(?:[Tt ]\d\d(?::?\d\d){0,2}(?:[.,]\d+)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
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
    # what nearly everyone sends needs no closer look at its shape than the parser itself takes
    if not (text[10:11] == "T" and text[4] == text[7] == "-" and text[-1:] == "Z" and text.isascii()):
        if not _SHAPE.fullmatch(text):
            raise ValueError("not ISO 8601")
        text = text.upper()
    moment = datetime.fromisoformat(text)
    since = moment - (_EPOCH_NAIVE if moment.tzinfo is None else _EPOCH)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _from_number(value: float) -> int:
    size = abs(value)
    if size < _SECONDS_BELOW:
        return round(value * 1_000_000)
    if size < _MILLISECONDS_BELOW:
        return round(value * 1_000)
    return int(value)
