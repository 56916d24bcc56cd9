"""Fakes and builders for tests, part of the product: what the conformance suites hold to the same contract."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from appliance.adapters.memory import MemoryMirror, MemoryTarget
from appliance.events.keys import event_uuid, make_uuid7s, user_key
from appliance.events.rejection import DeadLetter
from appliance.events.row import EventRow, Row
from appliance.events.types import FIRST_CUSTOM_KEY, KNOWN_TYPES
from appliance.log.columns import to_table
from appliance.log.kafka_offsets import KafkaOffsets
from appliance.log.position import Position
from appliance.log.protocol import Batch, Receipt, Replay
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


class MemoryLog:
    """An ``EventLog`` in a plain list: slow, obvious, and held to the same conformance suite as DuckDB's."""

    def __init__(self, clock: SettableClock | None = None) -> None:
        self._clock = clock or SettableClock()
        self._identity = uuid.uuid4().hex
        self._events: list[tuple[int, EventRow]] = []
        self._given: set[bytes] = set()
        self._seq = 0
        self.dead_letters: list[DeadLetter] = []
        self._replayed: set[bytes] = set()
        self.kafka_offsets = KafkaOffsets()

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        return [self._append_one(batch) for batch in batches]

    def read(self, after: Position | None, limit: int) -> tuple[pa.Table, Position]:
        if after is not None and after.identity != self._identity:
            raise ValueError("the position belongs to another log")
        start = after.seq if after is not None else 0
        found = [(seq, row) for seq, row in self._events if seq > start][:limit]
        with closing(bare_log()) as connection:
            insert_rows(connection, [tuple(row) for _, row in found])
            table = connection.execute("SELECT * FROM events ORDER BY seq").to_arrow_table()
        seqs = pa.array([seq for seq, _ in found], pa.int64())
        table = table.set_column(0, "seq", seqs)
        return table, Position(self._identity, found[-1][0] if found else start)

    def tail(self) -> Position:
        return Position(self._identity, self._seq)

    def before_first(self, happened_us: int) -> Position:
        seqs = [seq for seq, row in self._events if row.timestamp_us >= happened_us]
        return Position(self._identity, seqs[0] - 1) if seqs else self.tail()

    def expire(self, before_us: int) -> int:
        kept = [(seq, row) for seq, row in self._events if row.timestamp_us >= before_us]
        removed = len(self._events) - len(kept)
        self._events = kept
        return removed

    def close(self) -> None:
        """Nothing is held open."""

    def _append_one(self, batch: Batch) -> Receipt:
        expected = self.kafka_offsets.judge([batch])
        if expected.fenced:
            return Receipt(0, 0, self.tail(), fenced=True)
        self.kafka_offsets.moved(expected.moves)
        replay = batch.replay or Replay([b""] * len(batch.rows))
        accepted = duplicates = 0
        gone: list[bytes] = []
        rows = [*batch.rows, *(None for _ in replay.stored_already)]
        for row, letter in zip(rows, replay.all(), strict=True):
            there = self._settle(letter)
            if there is None:
                gone.append(letter)
            elif there and row is not None and self._store(EventRow(*row)):  # type: ignore[arg-type]
                accepted += 1
            else:
                duplicates += 1
        for refused in batch.dead_letters:
            self._keep(refused)
        return Receipt(accepted, duplicates, self.tail(), gone)

    def _settle(self, letter: bytes) -> bool | None:
        """Whether the row of this letter may be stored; ``None`` when there is no such letter and never was."""
        if letter in self._replayed:
            return False
        left = [kept for kept in self.dead_letters if kept.id != letter]
        if letter and len(left) == len(self.dead_letters):
            return None
        if letter:
            self.dead_letters = left
            self._replayed.add(letter)
        return True

    def _store(self, event: EventRow) -> bool:
        if event.id_given and event.event_id in self._given:
            return False
        if event.id_given:
            self._given.add(event.event_id)
        else:
            event = event._replace(event_id=make_uuid7s(1, self._clock.now_us()))
        self._seq += 1
        self._events.append((self._seq, event))
        return True

    def _keep(self, letter: DeadLetter) -> None:
        known = self._replayed | {kept.id for kept in self.dead_letters}
        if not letter.id:
            letter = replace(letter, id=make_uuid7s(1, self._clock.now_us()))
        if letter.id not in known:
            self.dead_letters.append(letter)


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


__all__ = [
    "START_US",
    "MemoryLog",
    "MemoryMirror",
    "MemoryTarget",
    "SettableClock",
    "bare_log",
    "insert_rows",
    "make_row",
]
