"""Exported events as bytes: NDJSON, CSV and Parquet, each of which ``import`` reads back whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from appliance.analytics.export import SCHEMA

_TIMES: Final = ("timestamp", "received_at")


class ExportEncoder(Protocol):
    """Turns batches of ``export.SCHEMA`` into the bytes of one file, a piece at a time."""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The bytes that follow those given so far; may be empty."""

    def finish(self) -> bytes:
        """The file's last bytes."""


class _Line(msgspec.Struct, gc=False):
    event_id: str
    event_type: str
    user_id: str
    timestamp: str
    session_id: str | None
    campaign_id: str | None
    properties: msgspec.Raw
    received_at: str


class NdjsonEncoder:
    """A JSON object a line, with the event's own field names and ``received_at``."""

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()

    def encode(self, batch: pa.RecordBatch) -> bytes:
        columns = _columns(batch)
        columns["properties"] = [msgspec.Raw(text.encode()) for text in columns["properties"]]
        return self._encoder.encode_lines(list(map(_Line, *columns.values())))

    def finish(self) -> bytes:
        return b""


class CsvEncoder:
    """RFC 4180 with a header; ``properties`` is JSON in its cell, and a missing value an empty cell."""

    def __init__(self) -> None:
        self._header = [SCHEMA.names]

    def encode(self, batch: pa.RecordBatch) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows(self._header)
        self._header = []
        writer.writerows(zip(*_columns(batch).values(), strict=True))
        return text.getvalue().encode()

    def finish(self) -> bytes:
        return self.encode(pa.RecordBatch.from_pylist([], schema=SCHEMA)) if self._header else b""


class ParquetEncoder:
    """A row group a batch, zstd; times are timestamps in UTC, ``properties`` is JSON text."""

    def __init__(self) -> None:
        self._schema = pa.schema([_zoned(field) for field in SCHEMA])
        self._file = _Pieces()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._file, mode="w"), self._schema, compression="zstd")

    def encode(self, batch: pa.RecordBatch) -> bytes:
        columns = [column.view(field.type) for column, field in zip(batch.columns, self._schema, strict=True)]
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
        return self._file.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._file.take()


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


def _columns(batch: pa.RecordBatch) -> dict[str, list[Any]]:
    """The columns as Python values by name, times as ISO 8601 text."""
    named = {name: batch.column(name) for name in batch.schema.names}
    for name in _TIMES:
        # the text always has six decimals: those that say nothing go, as everywhere else in the API
        text = pc.replace_substring_regex(pc.strftime(named[name], "%Y-%m-%dT%H:%M:%S"), r"\.?0*$", "")
        named[name] = pc.binary_join_element_wise(text, "Z", "")
    return {name: column.to_pylist() for name, column in named.items()}


ENCODERS: Final[Mapping[str, Callable[[], ExportEncoder]]] = {
    "ndjson": NdjsonEncoder,
    "csv": CsvEncoder,
    "parquet": ParquetEncoder,
}
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
