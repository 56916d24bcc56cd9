"""Fakes and builders for tests, part of the product: what the conformance suites hold to the same contract."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import duckdb

from appliance.events.keys import event_uuid, make_uuid7s, user_key
from appliance.events.row import EventRow, Row
from appliance.events.types import FIRST_CUSTOM_KEY, KNOWN_TYPES
from appliance.log.columns import to_table
from appliance.sql import queries

START_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""


class SettableClock:
    """A clock that stands until it is moved."""

    def __init__(self, now_us: int = START_US) -> None:
        self._now_us = now_us
        self._monotonic = 0.0

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._now_us += round(seconds * 1_000_000)
        self._monotonic += seconds

    def set(self, now_us: int) -> None:
        """Set the time of day alone, as an administrator would; the monotonic reading stays."""
        self._now_us = now_us


def make_row(
    event_type: str = "email_opened",
    user_id: str = "u1",
    timestamp_us: int = START_US,
    *,
    event_id: str | None = None,
    properties: dict[str, Any] | None = None,
    **fields: Any,
) -> Row:
    """An event row with sensible defaults; ``fields`` are those of ``EventRow``."""
    values: dict[str, Any] = dict.fromkeys(EventRow._fields)
    values |= {
        "event_id": event_uuid(event_id) if event_id is not None else b"",
        "id_given": event_id is not None,
        "event_type": event_type,
        "user_id": user_id,
        "user_key": user_key(user_id),
        "timestamp_us": timestamp_us,
        "received_us": timestamp_us,
        "source": "http",
        "properties": json.dumps(properties or {}, separators=(",", ":")),
    }
    values |= fields
    return tuple(EventRow(**values))


def bare_log() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with the log's tables, for testing what only reads them."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(queries("appliance.log", "schema.sql")["create"])
    return connection


def insert_rows(connection: duckdb.DuckDBPyConnection, rows: Iterable[Row]) -> None:
    """Append rows to a ``bare_log`` as they are, without de-duplication."""
    listed = [EventRow(*row) for row in rows]  # type: ignore[arg-type]
    if not listed:
        return
    next_seq = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM events").fetchall()[0][0]
    ids = b"".join(row.event_id or make_uuid7s(1, row.received_us) for row in listed)
    keys = [_type_key(connection, row.event_type) for row in listed]
    table = to_table(listed, ids, keys, next_seq)
    connection.register("incoming", table)
    connection.execute("INSERT INTO events SELECT * FROM incoming")
    connection.unregister("incoming")


def _type_key(connection: duckdb.DuckDBPyConnection, event_type: str) -> int:
    if event_type in KNOWN_TYPES:
        return KNOWN_TYPES[event_type]
    found = connection.execute("SELECT type_key FROM event_types WHERE event_type = ?", [event_type]).fetchone()
    if found is not None:
        return int(found[0])
    taken = connection.execute("SELECT coalesce(max(type_key) + 1, ?) FROM event_types", [FIRST_CUSTOM_KEY])
    key = int(taken.fetchall()[0][0])
    connection.execute("INSERT INTO event_types VALUES (?, ?)", [key, event_type])
    return key


__all__ = ["START_US", "SettableClock", "bare_log", "insert_rows", "make_row"]
