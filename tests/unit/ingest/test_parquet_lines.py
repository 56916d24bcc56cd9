"""Events in Parquet that others wrote."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appliance.ingest.parquet_lines import parquet_lines
from appliance.ingest.pieces import FileDamaged


def _events(columns: dict[str, Any]) -> list[Any]:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return [json.loads(line.raw) for line in parquet_lines(file)]


def test_columns_keep_their_types() -> None:
    """Nanoseconds in another zone, a struct of properties and a foreign column become an event."""
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=1)))
    columns = {
        "event_type": ["conversion", "error"],
        "user_id": pa.array([7, 8]),
        "timestamp": pa.array([moment, None], pa.timestamp("ns", "Europe/Berlin")),
        "properties": pa.array([{"amount": 1.5}, None], pa.struct([("amount", pa.float64())])),
        "seen": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None], pa.timestamp("ms", "UTC")),
    }
    expected = [
        {
            "event_type": "conversion",
            "user_id": 7,
            "timestamp": "2026-01-01T00:30:00Z",
            "properties": {"amount": 1.5},
            "seen": "2026-01-01T00:00:00Z",
        },
        {"event_type": "error", "user_id": 8},
    ]
    assert expected == _events(columns)


def test_a_file_without_a_required_column_is_refused() -> None:
    """Where no row could be an event, the file as a whole is refused."""
    with pytest.raises(FileDamaged, match="lacks the column user_id"):
        _events({"event_type": ["x"]})


def test_what_is_no_parquet_is_refused() -> None:
    """Bytes of another kind end the import with one line."""
    with pytest.raises(FileDamaged, match="can't be read as Parquet"):
        list(parquet_lines(io.BytesIO(b"event_type,user_id\n" * 9)))
