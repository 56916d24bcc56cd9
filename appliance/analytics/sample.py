"""A few of the newest events, for a live feed."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from appliance.clock import iso
from appliance.sql import queries

_NEWEST: Final = queries("appliance.analytics", "sample.sql")["newest"]
_FIELDS: Final = (
    "event_id",
    "event_type",
    "user_id",
    "timestamp",
    "campaign_id",
    "amount",
    "currency",
    "label",
    "source",
)


def newest_events(cursor: duckdb.DuckDBPyConnection, *, after_seq: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` of the events committed after ``after_seq``, the newest first, without their properties."""
    rows = cursor.execute(_NEWEST, {"after_seq": after_seq, "limit": limit}).fetchall()
    return [dict(zip(_FIELDS, (*row[:3], iso(row[3]), *row[4:]), strict=True)) for row in rows]
