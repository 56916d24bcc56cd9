"""Exported events as bytes: NDJSON, CSV and Parquet, each of which ``import`` reads back whole."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from appliance.analytics.export import COLUMNS, ExportFormat

_GROUP_EVENTS: Final = 50_000
_GROUP_BYTES: Final = 32 << 20


class ExportEncoder(Protocol):
    """Turns the batches of ``export_batches`` into the bytes of one file, a piece at a time."""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The bytes that follow those given so far; may be empty."""

    def finish(self) -> bytes:
        """The file's last bytes."""


class LinesEncoder:
    """Lines that are ready as they come, below a header."""

    def __init__(self, header: bytes = b"") -> None:
        self._header = header

    def encode(self, batch: pa.RecordBatch) -> bytes:
        head, self._header = self._header, b""
        return head + _joined(batch.column(0))

    def finish(self) -> bytes:
        return self._header


class ParquetEncoder:
    """Row groups of bounded size, zstd; times are timestamps in UTC, ``properties`` is JSON text."""

    def __init__(self) -> None:
        self._schema = pa.schema([_zoned(field) for field in COLUMNS])
        self._file = _Pieces()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._file, mode="w"), self._schema, compression="zstd")
        self._group: list[pa.RecordBatch] = []

    def encode(self, batch: pa.RecordBatch) -> bytes:
        columns = [column.view(field.type) for column, field in zip(batch.columns, self._schema, strict=True)]
        self._group.append(pa.record_batch(columns, schema=self._schema))
        events = sum(map(len, self._group))
        if events >= _GROUP_EVENTS or sum(piece.nbytes for piece in self._group) >= _GROUP_BYTES:
            self._write_group()
        return self._file.take()

    def finish(self) -> bytes:
        if self._group:
            self._write_group()
        self._writer.close()
        return self._file.take()

    def _write_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._group))
        self._group = []


class _Pieces(io.RawIOBase):
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._taken = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def tell(self) -> int:
        return self._taken + len(self._written)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        self._taken += len(taken)
        return taken


def _zoned(field: pa.Field) -> pa.Field:
    return field.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field


def _joined(lines: pa.StringArray) -> bytes:
    """The texts one after the other: so they lie in the array already."""
    _, offsets, content = lines.buffers()
    if content is None:
        return b""
    places = memoryview(offsets).cast("i")
    return bytes(memoryview(content)[places[lines.offset] : places[lines.offset + len(lines)]])


ENCODERS: Final[Mapping[ExportFormat, Callable[[], ExportEncoder]]] = {
    "ndjson": LinesEncoder,
    "csv": lambda: LinesEncoder(",".join(COLUMNS.names).encode() + b"\r\n"),
    "parquet": ParquetEncoder,
}
MEDIA_TYPES: Final[Mapping[ExportFormat, str]] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
