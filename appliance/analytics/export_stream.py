"""A whole export: one moment of the log, read, encoded and handed on piece by piece."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from appliance.analytics.export import Range, count_events, export_batches
from appliance.analytics.export_formats import ENCODERS


def export_file(
    cursor: duckdb.DuckDBPyConnection,
    format_name: str,
    wanted: Range,
    *,
    on_count: Callable[[int], object],
    write: Callable[[bytes], object],
) -> None:
    """Write the events of a range as a file of the format; ``on_count`` hears first how many there will be.

    The cursor must be outside of any transaction. Holds a read transaction open until the last byte is
    written. What ``write`` raises ends the export.
    """
    encoder = ENCODERS[format_name]()
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        on_count(count_events(cursor, wanted))
        for batch in export_batches(cursor, wanted):
            if piece := encoder.encode(batch):
                write(piece)
        if piece := encoder.finish():
            write(piece)
    finally:
        cursor.execute("ROLLBACK")
