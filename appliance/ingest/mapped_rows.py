"""A mapping applied to the columns of one file: where each goes, and each row as an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from appliance.events.money import AMOUNT_FIELDS
from appliance.ingest.event_line import event_line
from appliance.ingest.foreign_values import Convert, Unreadable, amount_with_comma, time_reader
from appliance.ingest.lines import Fault, Line
from appliance.ingest.mapping import EVENT_FIELDS, PROPERTY, Mapping
from appliance.ingest.pieces import FileDamaged

DROPPED: Final = "(dropped)"
_REQUIRED: Final = ("event_type", "user_id")
_LISTED: Final = 40
_Object = dict[str, msgspec.Raw]


class Placed(NamedTuple):
    """Where a column of the file goes: a field, ``properties.NAME`` or ``DROPPED``."""

    column: str
    field: str


class MappedRows:
    """Makes events of rows; raises ``FileDamaged`` where the mapping and the file's columns don't fit."""

    def __init__(self, mapping: Mapping, columns: Sequence[str]) -> None:
        self.placed = [Placed(column, field) for column, field in zip(columns, _places(mapping, columns), strict=True)]
        self._targets = [None if field == DROPPED else field for _, field in self.placed]
        self._converters = [_converter(mapping, field) for _, field in self.placed]
        self._constants = mapping.constants

    def line(self, number: int, values: Iterable[Any]) -> Line:
        """The row as an event; one that holds what can't be read as the mapping says has a fault."""
        event: dict[str, Any] = dict(self._constants)
        fault = None
        for field, convert, found in zip(self._targets, self._converters, values, strict=True):
            if field is None or found is None or found == "":
                continue
            value = found
            if convert is not None:
                try:
                    value = convert(found)
                except Unreadable as unreadable:
                    fault = Fault(_code(field), field, str(unreadable))
            event[field] = value
        return Line(number, event_line(_nested(event)), fault)


def _places(mapping: Mapping, columns: Sequence[str]) -> list[str]:
    """The field of each column: as mapped, else by its name, else a property."""
    for field, column in mapping.columns.items():
        if column not in columns:
            raise FileDamaged(f"columns.{field}: there is no column {column!r}; {_listed(columns)}")
    fields = {column: field for field, column in mapping.columns.items()}
    if len(fields) < len(mapping.columns):
        twice = next(column for field, column in mapping.columns.items() if fields[column] != field)
        raise FileDamaged(f"the column {twice!r} is mapped to more than one field: map it once")
    taken = {*mapping.columns, *mapping.constants}
    places = [fields.get(column) or _by_name(column, taken, mapping) for column in columns]
    for field in _REQUIRED:
        if field not in places and field not in taken:
            raise FileDamaged(f"nothing gives {field}: add --map {field}=COLUMN or --set; {_listed(columns)}")
    _check_distinct(columns, [*places, *mapping.constants])
    return places


def _by_name(column: str, taken: set[str], mapping: Mapping) -> str:
    if column in EVENT_FIELDS and column not in taken:
        return column
    return f"{PROPERTY}{column}" if mapping.unmapped == "keep" else DROPPED


def _check_distinct(columns: Sequence[str], places: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for index, place in enumerate(places):
        if place in seen and place != DROPPED:
            name = columns[seen[place]]
            raise FileDamaged(f"the column {name!r} and another value would both be {place}: map it to another name")
        seen[place] = index


def _converter(mapping: Mapping, field: str) -> Convert | None:
    meanings = mapping.values.get(field)
    read: Convert | None = None
    if field == "timestamp":
        read = time_reader(mapping.timestamp_format, mapping.timezone)
    elif mapping.decimal_comma and field.removeprefix(PROPERTY) in AMOUNT_FIELDS and field.startswith(PROPERTY):
        read = amount_with_comma
    if meanings is None:
        return read
    known, other = meanings, read

    def mean(value: Any) -> Any:
        found = known.get(str(value))
        if found is not None:
            return found
        return value if other is None else other(value)

    return mean


def _nested(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its properties in one object; one that the file itself has is the ground for the others."""
    fields = {name: value for name, value in event.items() if not name.startswith(PROPERTY)}
    own = {name[len(PROPERTY) :]: value for name, value in event.items() if name.startswith(PROPERTY)}
    ground = fields.get("properties")
    if isinstance(ground, str) and own:
        try:
            ground = msgspec.json.decode(ground, type=_Object)
        except (msgspec.DecodeError, RecursionError):
            return fields  # it stays text, and is refused for that
    if own:
        fields["properties"] = {**(ground or {}), **own}
    return fields


def _code(field: str) -> str:
    return "bad_timestamp" if field == "timestamp" else "bad_amount"


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _LISTED} more" if len(columns) > _LISTED else ""
    return f"the file has {', '.join(map(repr, columns[:_LISTED]))}{more}"
