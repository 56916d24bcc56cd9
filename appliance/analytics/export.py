"""Reading events out of the log: everything, or a range of time, of one moment and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from appliance.sql import queries

PAGE_EVENTS: Final = 50_000
"""How many events are in memory at once."""

_SQL: Final = queries("appliance.analytics", "export.sql")

SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("timestamp", pa.timestamp("us"), nullable=False),
        pa.field("session_id", pa.string()),
        pa.field("campaign_id", pa.string()),
        pa.field("properties", pa.string(), nullable=False),
        pa.field("received_at", pa.timestamp("us"), nullable=False),
    ]
)
"""What a batch holds: the event's own fields, its id as a UUID's text, ``properties`` as JSON, times in UTC."""


@dataclass(frozen=True, slots=True)
class Range:
    """The events that happened in [``from_us``, ``to_us``); ``None`` is open."""

    from_us: int | None = None
    to_us: int | None = None


def count_events(cursor: duckdb.DuckDBPyConnection, wanted: Range) -> int:
    """How many events ``export_batches`` gives in the same transaction."""
    return int(_extent(cursor, wanted)[2])


def export_batches(cursor: duckdb.DuckDBPyConnection, wanted: Range) -> Iterator[pa.RecordBatch]:
    """The events of ``SCHEMA`` in the order of the log, read page by page.

    They are of one moment when the cursor is in a transaction, which the caller begins and ends. The cursor
    must not be used for anything else until the iterator is through.
    """
    first, last, _ = _extent(cursor, wanted)
    if first is None:
        return
    bounds = {"from_us": wanted.from_us, "to_us": wanted.to_us}
    for low in range(first, last + 1, PAGE_EVENTS):
        page = {"first": low, "last": min(low + PAGE_EVENTS - 1, last)}
        table = cursor.execute(_SQL["page"], {**page, **bounds}).to_arrow_table()
        yield from table.cast(SCHEMA).combine_chunks().to_batches()


def _extent(cursor: duckdb.DuckDBPyConnection, wanted: Range) -> tuple[int | None, int, int]:
    found = cursor.execute(_SQL["extent"], {"from_us": wanted.from_us, "to_us": wanted.to_us}).fetchall()
    extent: tuple[int | None, int, int] = found[0]
    return extent
