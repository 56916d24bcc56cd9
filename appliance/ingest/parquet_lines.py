"""Events in Parquet: columns named as the event's fields, as an export writes them.

``properties`` is a JSON object as text, or a struct; a column of any other name becomes a property of the
column's own type. Times are timestamps, or what an event's ``timestamp`` may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from appliance.clock import iso
from appliance.ingest.event_line import event_line
from appliance.ingest.lines import Line
from appliance.ingest.pieces import FileDamaged

_ROWS_AT_ONCE: Final = 8_192
_READ_BYTES: Final = 1 << 20
_REQUIRED: Final = ("event_type", "user_id")


def parquet_lines(file: IO[bytes]) -> Iterator[Line]:
    """The rows as events, numbered from 1. The file must be seekable.

    Raises ``FileDamaged`` where it isn't Parquet or lacks a column that every event needs.
    """
    try:
        parquet = pq.ParquetFile(file, buffer_size=_READ_BYTES)
        _check_columns(parquet.schema_arrow.names)
        number = 0
        for batch in parquet.iter_batches(_ROWS_AT_ONCE):
            for fields in _rows(batch):
                number += 1
                yield _line(number, fields)
    except (pa.ArrowException, OSError) as fault:
        first_line = str(fault).partition("\n")[0]
        raise FileDamaged(f"the file can't be read as Parquet: {first_line}") from fault


def _check_columns(names: list[str]) -> None:
    for name in _REQUIRED:
        if name not in names:
            raise FileDamaged(f"the file lacks the column {name}")


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    columns = [_values(column) for column in batch.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, values, strict=True))


def _values(column: pa.Array) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    # an instant with a zone is stored in UTC, and one without is UTC by contract: the same integers
    micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).view(pa.int64())
    return [None if value is None else iso(value) for value in micros.to_pylist()]


def _line(number: int, fields: dict[str, Any]) -> Line:
    try:
        return Line(number, event_line(fields))
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError):
        return Line(number, repr(fields).encode("utf-8", "replace"), "the row holds values that JSON has not")
