"""How the columns of a foreign file become events: what may be said about it, and whether it makes sense."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, Literal

import msgspec

from appliance.config.types import zone_names
from appliance.errors import ApplianceError

Scalar = str | int | float | bool

EVENT_FIELDS: Final = ("event_type", "user_id", "timestamp", "event_id", "session_id", "campaign_id", "properties")
PROPERTY: Final = "properties."
_FIELDS_TEXT: Final = ", ".join((*EVENT_FIELDS, f"{PROPERTY}NAME"))
_AT: Final = re.compile(r" - at `(?:key in )?\$\.?(.*?)`$")
# A day, an hour and a half of the day in which no two of their parts look alike.
_SOME_TIME: Final = datetime(2031, 11, 23, 16, 47, 58)  # noqa: DTZ001 - formats without offset are tried on it


class BadMapping(ApplianceError):
    """The mapping makes no sense. The message names the key and says what is allowed."""

    code = "bad_mapping"


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a mapping file may hold; made by ``mapping_of``, which checks it.

    An event's field is named as in an event, a property ``properties.NAME``.
    """

    columns: dict[str, str] = {}
    """Field to column. A column named as a field is that field without being named here."""
    constants: dict[str, Scalar] = {}
    """Field to the value that every event has."""
    values: dict[str, dict[str, Scalar]] = {}
    """Field to what the file's values mean; others stay as they are."""
    timestamp_format: str | None = None
    """Of ``timestamp``, as ``strptime`` takes it."""
    timezone: str | None = None
    """IANA zone of times without offset; UTC where it is missing."""
    delimiter: str | None = None
    """Between the columns of CSV; found out where it is missing."""
    encoding: str | None = None
    """Of CSV; UTF-8 where it is missing."""
    decimal_comma: bool = False
    """Amounts are written as in 1.234,50."""
    unmapped: Literal["keep", "drop"] = "keep"
    """Whether the other columns become properties."""

    def text(self) -> bytes:
        """The same bytes for the same mapping."""
        return msgspec.json.encode(self, order="sorted")


def mapping_of(content: object) -> Mapping:
    """The mapping that a file's content states; raises ``BadMapping``."""
    if not isinstance(content, dict):
        raise BadMapping("a mapping consists of keys such as columns and constants")
    for key in content:
        if key not in Mapping.__struct_fields__:
            raise BadMapping(f"{key}: there is no such key; {_nearest(str(key), Mapping.__struct_fields__)}")
    try:
        mapping = msgspec.convert(content, Mapping)
    except msgspec.ValidationError as fault:
        raise BadMapping(_explained(str(fault))) from fault
    _check_fields(mapping)
    _check_reading(mapping)
    return mapping


def _check_fields(mapping: Mapping) -> None:
    for key, fields in (("columns", mapping.columns), ("constants", mapping.constants), ("values", mapping.values)):
        for field in fields:
            if field not in EVENT_FIELDS and not (field.startswith(PROPERTY) and field != PROPERTY):
                raise BadMapping(f"{key}.{field}: an event has no such field; there are {_FIELDS_TEXT}")
    for field, value in mapping.constants.items():
        if field in mapping.columns:
            raise BadMapping(f"constants.{field}: columns has it too: leave one of them out")
        if field == "properties":
            raise BadMapping(f"constants.properties: name one property, {PROPERTY}NAME")
        if not field.startswith(PROPERTY) and (isinstance(value, float | bool) or value == ""):
            raise BadMapping(f"constants.{field}: must be text or a whole number, not {value!r}")


def _check_reading(mapping: Mapping) -> None:
    if mapping.timezone is not None and mapping.timezone not in zone_names():
        raise BadMapping(f"timezone: must be an IANA time zone such as Europe/Berlin, not {mapping.timezone!r}")
    delimiter = mapping.delimiter
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise BadMapping(f"delimiter: must be one character such as ';', not {delimiter!r}")
    if mapping.encoding is not None:
        _check_encoding(mapping.encoding)
    if mapping.timestamp_format is not None:
        _check_format(mapping.timestamp_format)


def _check_encoding(name: str) -> None:
    try:
        if codecs.lookup(name)._is_text_encoding:  # noqa: SLF001 - what str.encode itself asks
            return
    except LookupError:
        pass
    raise BadMapping(f"encoding: must be one that Python knows, such as cp1252 or utf-16, not {name!r}")


def _check_format(text: str) -> None:
    try:
        read = datetime.strptime(_SOME_TIME.strftime(text), text)  # noqa: DTZ007 - the zone is looked at elsewhere
    except ValueError as fault:
        raise BadMapping(f"timestamp_format: {text!r} is no format of strptime such as '%d.%m.%Y %H:%M'") from fault
    if read.date() != _SOME_TIME.date():
        raise BadMapping(f"timestamp_format: {text!r} must name year, month and day")


def _nearest(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, list(known), 1)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"


def _explained(message: str) -> str:
    """Our words for msgspec's: the key first."""
    place = _AT.search(message)
    if place is None:
        return message
    path = place.group(1).replace("[...]", "")
    told: Any = message[: place.start()]
    hint = " (put it in quotes)" if "`str`, got" in told else ""
    return f"{path or 'the mapping'}: {told[:1].lower()}{told[1:]}{hint}"
