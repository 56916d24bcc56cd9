"""Reading events out of the log: everything or a selection, of one moment and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal

import duckdb
import pyarrow as pa

from appliance.sql import queries

ExportFormat = Literal["ndjson", "csv", "parquet"]

_BATCH_EVENTS: Final = 2_048
_SQL: Final = queries("appliance.analytics", "export.sql")

COLUMNS: Final = pa.schema(
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
"""What an export holds: the event's own fields, its id as a UUID's text, ``properties`` as JSON, times in UTC."""
_LINE: Final = pa.schema([pa.field("line", pa.string())])


@dataclass(frozen=True, slots=True)
class Selection:
    """The events that happened in [``from_us``, ``to_us``), of one type, of one campaign; ``None`` is any."""

    from_us: int | None = None
    to_us: int | None = None
    event_type: str | None = None
    campaign_id: str | None = None


def count_events(cursor: duckdb.DuckDBPyConnection, wanted: Selection) -> int:
    """How many events ``export_batches`` gives in the same transaction."""
    found = cursor.execute(_SQL["count"], asdict(wanted)).fetchall()
    return int(found[0][0])


def export_batches(
    cursor: duckdb.DuckDBPyConnection, wanted: Selection, format_name: ExportFormat = "parquet"
) -> Iterator[pa.RecordBatch]:
    """The events in the order of the log, a few thousand at a time as they are read.

    For ``parquet`` the batches have ``COLUMNS``; for ``ndjson`` and ``csv`` they have one column, each of whose
    texts is a line of the file with its end: DuckDB writes them several times faster than Python would, and
    doesn't hold the interpreter up while it does. They are of one moment when the cursor is in a transaction, which
    the caller begins and ends. The cursor must not be used for anything else until the iterator is through.
    """
    schema = COLUMNS if format_name == "parquet" else _LINE
    reader = cursor.execute(_SQL[format_name], asdict(wanted)).to_arrow_reader(_BATCH_EVENTS)
    for batch in reader:
        yield pa.record_batch([c.cast(f.type) for c, f in zip(batch.columns, schema, strict=True)], schema=schema)
