"""Events in Parquet: columns named as the event's fields, as an export writes them.

``properties`` is a JSON object as text, or a struct; a column of any other name becomes a property of the
column's own type. Times are timestamps, or what an event's ``timestamp`` may be.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from appliance.clock import iso
from appliance.ingest.event_line import event_line
from appliance.ingest.lines import Line
from appliance.ingest.mapped_rows import MappedRows
from appliance.ingest.mapping import Mapping
from appliance.ingest.pieces import FileDamaged
from appliance.ingest.told import Told

_ROWS_AT_ONCE: Final = 8_192
_READ_BYTES: Final = 1 << 20
_REQUIRED: Final = ("event_type", "user_id")

_Make = Callable[[int, tuple[Any, ...]], Line]


def parquet_lines(
    file: IO[bytes], mapping: Mapping | None = None, *, after: int = 0, told: Told | None = None
) -> Iterator[Line]:
    """The rows as events, numbered from 1, from the one after the row ``after``. The file must be seekable.

    Raises ``FileDamaged`` where it isn't Parquet or lacks a column that every event needs.
    """
    told = told or Told()
    try:
        parquet = pq.ParquetFile(file, buffer_size=_READ_BYTES)
        make = _maker(parquet.schema_arrow.names, mapping, told)
        size, number, rows = file.seek(0, io.SEEK_END), 0, parquet.metadata.num_rows
        for batch in parquet.iter_batches(_ROWS_AT_ONCE):
            if number + len(batch) > after:
                lines = (_line(at, values, make) for at, values in enumerate(_rows(batch), start=number + 1))
                yield from (line for line in lines if line.number > after)
            number += len(batch)
            told.on_read(size * number // rows)
    except (pa.ArrowException, OSError) as fault:
        first_line = str(fault).partition("\n")[0]
        raise FileDamaged(f"the file can't be read as Parquet: {first_line}") from fault


def _maker(names: list[str], mapping: Mapping | None, told: Told) -> _Make:
    """What makes events of rows."""
    if mapping is not None:
        rows = MappedRows(mapping, names)
        told.on_columns(rows.placed)
        return rows.line
    for name in _REQUIRED:
        if name not in names:
            raise FileDamaged(f"the file lacks the column {name}: map another one with --map {name}=COLUMN")
    told.on_columns(MappedRows(Mapping(), names).placed)
    return lambda number, values: Line(number, event_line(dict(zip(names, values, strict=True))))


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    # an instant with a zone is stored in UTC, and one without is UTC by contract: the same integers
    micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).view(pa.int64())
    return [None if value is None else iso(value) for value in micros.to_pylist()]


def _line(number: int, values: tuple[Any, ...], make: _Make) -> Line:
    try:
        return make(number, values)
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError):
        return Line(number, repr(values).encode("utf-8", "replace"), "the row holds values that JSON has not")
