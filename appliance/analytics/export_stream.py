"""A whole export: one moment of the log, read, encoded and handed on piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import duckdb

from appliance.analytics.export import ExportFormat, Selection, count_events, export_batches
from appliance.analytics.export_compression import COMPRESSORS, CompressedEncoder, ExportCompression
from appliance.analytics.export_formats import ENCODERS, ExportEncoder

_PIECE_BYTES: Final = 256 << 10


def export_file(
    cursor: duckdb.DuckDBPyConnection,
    format_name: ExportFormat,
    wanted: Selection,
    *,
    on_count: Callable[[int], object],
    write: Callable[[bytes], object],
    compression: ExportCompression | None = None,
) -> None:
    """Write the selected events as a file of the format; ``on_count`` hears first how many there will be.

    The cursor must be outside of any transaction. Holds a read transaction open until the last byte is
    written. What ``write`` raises ends the export.
    """
    encoder = _encoder(format_name, compression)
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        on_count(count_events(cursor, wanted))
        gathered = bytearray()
        for batch in export_batches(cursor, wanted, format_name):
            gathered += encoder.encode(batch)
            if len(gathered) >= _PIECE_BYTES:
                write(bytes(gathered))
                gathered.clear()
        gathered += encoder.finish()
        if gathered:
            write(bytes(gathered))
    finally:
        cursor.execute("ROLLBACK")


def _encoder(format_name: ExportFormat, compression: ExportCompression | None) -> ExportEncoder:
    encoder = ENCODERS[format_name]()
    return encoder if compression is None else CompressedEncoder(encoder, COMPRESSORS[compression]())
