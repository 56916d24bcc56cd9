"""Values of Arrow as JSON can carry them.

Decimals are numbers, instants ISO 8601 in UTC, intervals ISO 8601 durations, blobs base64, structs and maps with text
keys objects, other maps lists of pairs. What has no place in JSON or in the calendar is ``null``: NaN, infinities,
years beyond 9999.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from appliance.clock import iso

Converter = Callable[[Any], Any]

_EPOCH_DAY = date(1970, 1, 1)
_PER_MICROSECOND = {"s": 1_000_000, "ms": 1_000, "us": 1}


def python_values(column: pa.Array) -> list[Any]:
    """The column's values, each as something that JSON has."""
    for is_kind, values in _KINDS:
        if is_kind(column.type):
            return values(column)
    plain: list[Any] = column.to_pylist()
    return plain


def _instants(column: pa.Array) -> list[Any]:
    return _converted(column.cast(pa.int64()), _instant(column.type.unit))


def _days(column: pa.Array) -> list[Any]:
    return _converted(column.cast(pa.int32()), _day)


def _times_of_day(column: pa.Array) -> list[Any]:
    return _converted(column.cast(pa.int64()), _time_of_day(column.type.unit))


def _durations(column: pa.Array) -> list[Any]:
    return _converted(column, _duration)


def _uuids(column: pa.Array) -> list[Any]:
    return _converted(column.storage, lambda value: str(UUID(bytes=value)))


def _decoded(column: pa.Array) -> list[Any]:
    return python_values(column.dictionary_decode())


def _stored(column: pa.Array) -> list[Any]:
    return python_values(column.storage)


def _converted(column: pa.Array, convert: Converter) -> list[Any]:
    return [None if value is None else convert(value) for value in column.to_pylist()]


def _instant(unit: str) -> Converter:
    def convert(value: int) -> str | None:
        try:
            return iso(value // 1_000 if unit == "ns" else value * _PER_MICROSECOND[unit])
        except OverflowError:
            return None

    return convert


def _day(value: int) -> str | None:
    try:
        return (_EPOCH_DAY + timedelta(days=value)).isoformat()
    except OverflowError:
        return None


def _time_of_day(unit: str) -> Converter:
    def convert(value: int) -> str:
        seconds, micros = divmod(value // 1_000 if unit == "ns" else value * _PER_MICROSECOND[unit], 1_000_000)
        text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"{text}.{micros:06}".rstrip("0") if micros else text

    return convert


def _duration(value: Any) -> str:
    """``P1M2DT3.5S``: months, days and seconds aren't of fixed length, so none is turned into another."""
    months, days, nanoseconds = value
    seconds, rest = divmod(abs(nanoseconds) // 1_000, 1_000_000)
    sign = "-" if nanoseconds < 0 else ""
    clock = f"T{sign}{seconds}{f'.{rest:06}'.rstrip('0') if rest else ''}S" if nanoseconds else ""
    text = f"{f'{months}M' if months else ''}{f'{days}D' if days else ''}{clock}"
    return f"P{text}" if text else "PT0S"


def _structs(column: pa.Array) -> list[Any]:
    names = [field.name for field in column.type]
    fields = [python_values(part) for part in column.flatten()]
    if not names or all(not name for name in names):
        rows: list[Any] = [list(row) for row in zip(*fields, strict=True)]
    else:
        rows = [dict(zip(names, row, strict=True)) for row in zip(*fields, strict=True)]
    return [row if is_valid else None for row, is_valid in zip(rows, column.is_valid().to_pylist(), strict=True)]


def _lists(column: pa.Array) -> list[Any]:
    return [None if not item.is_valid else python_values(item.values) for item in column]


def _maps(column: pa.Array) -> list[Any]:
    made: list[Any] = []
    for item in column:
        if not item.is_valid:
            made.append(None)
            continue
        keys, values = (python_values(part) for part in item.values.flatten())
        pairs = list(zip(keys, values, strict=True))
        is_object = all(isinstance(key, str) for key in keys)
        made.append(dict(pairs) if is_object else [list(pair) for pair in pairs])
    return made


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


_KINDS: Final[list[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[Any]]]]] = [
    (pa.types.is_timestamp, _instants),
    (pa.types.is_date32, _days),
    (pa.types.is_time, _times_of_day),
    (pa.types.is_interval, _durations),
    (pa.types.is_map, _maps),
    (pa.types.is_struct, _structs),
    (_is_list, _lists),
    (pa.types.is_dictionary, _decoded),
    (lambda kind: isinstance(kind, pa.UuidType), _uuids),
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _stored),
]
