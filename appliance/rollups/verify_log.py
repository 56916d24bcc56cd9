"""What must hold in the log itself: rising sequence, ids stored once, keys that fit what they stand for."""

from __future__ import annotations

from typing import Final

import duckdb

from appliance.clock import DAY_US
from appliance.events.keys import user_key
from appliance.events.types import FIRST_CUSTOM_KEY, KNOWN_TYPES
from appliance.rollups.report import Difference, Progress, VerifyReport
from appliance.rollups.session import registered
from appliance.rollups.slices import key_spans, slice_count
from appliance.sql import queries

# De-duplication knows ids for 24 h or the last 20 million, whichever is shorter, and never fewer than two
# million: one that came again later than that was rightly stored again.
_KNOWN: Final = {"known_us": DAY_US, "most_known": 20_000_000, "least_known": 2_000_000}
_USERS_AT_ONCE: Final = 50_000

_SQL = queries("appliance.rollups", "verify.sql")


def check_log(
    cursor: duckdb.DuckDBPyConnection, report: VerifyReport, events: int, progress: Progress, most: int
) -> None:
    """Add to ``report`` what is wrong in the log's own tables, ``most`` rows at a time."""
    _check_order(cursor, report, progress, most)
    _check_ids(cursor, report, events, progress, most)
    _check_types(cursor, report)
    report.collect("rows", cursor, _SQL["row_faults"], {})
    _check_users(cursor, report, events, progress, most)


def _check_order(cursor: duckdb.DuckDBPyConnection, report: VerifyReport, progress: Progress, most: int) -> None:
    last_row = cursor.execute(_SQL["last_row"]).fetchall()[0][0]
    previous: int | None = None
    report.checks["seq"] = 0
    for low in range(0, last_row + 1, most):
        span = {"low": low, "high": low + most - 1}
        report.collect("seq", cursor, _SQL["seq_order"], {**span, "previous": previous})
        last_seq = cursor.execute(_SQL["last_seq"], span).fetchall()[0][0]
        previous = previous if last_seq is None else last_seq
        progress("sequence", min(low + most, last_row + 1), last_row + 1)


def _check_ids(
    cursor: duckdb.DuckDBPyConnection, report: VerifyReport, events: int, progress: Progress, most: int
) -> None:
    slices = slice_count(events, most)
    report.checks["event_id"] = 0
    for number in range(slices):
        repeated = cursor.execute(_SQL["repeated_ids"], {"slices": slices, "slice": number}).to_arrow_table()
        if repeated.num_rows:
            with registered(cursor, "repeated", repeated):
                report.collect("event_id", cursor, _SQL["stored_again"], _KNOWN)
        progress("event ids", number + 1, slices)


def _check_types(cursor: duckdb.DuckDBPyConnection, report: VerifyReport) -> None:
    report.checks["type_key"] = 0
    keys = dict(KNOWN_TYPES)
    for event_type, type_key in cursor.execute(_SQL["custom_types"]).fetchall():
        taken = type_key in keys.values() or type_key < FIRST_CUSTOM_KEY
        if keys.get(event_type) != type_key and (taken or event_type in keys):
            key = {"event_type": event_type}
            report.add(Difference("type_key", key, keys.get(event_type, "a key of its own"), type_key))
        keys.setdefault(event_type, type_key)
    for event_type, type_key, seq in cursor.execute(_SQL["type_pairs"]).fetchall():
        if keys.get(event_type) != type_key:
            key = {"event_type": event_type, "seq": seq}
            report.add(Difference("type_key", key, keys.get(event_type), type_key))


def _check_users(
    cursor: duckdb.DuckDBPyConnection, report: VerifyReport, events: int, progress: Progress, most: int
) -> None:
    report.checks["user_key"] = 0
    spans = list(key_spans(events, most))
    for done, (low, high) in enumerate(spans, start=1):
        cursor.execute(_SQL["users"], {"low": low, "high": high})
        while users := cursor.fetchmany(_USERS_AT_ONCE):
            for user_id, stored in users:
                if user_key(user_id) != stored:
                    report.add(Difference("user_key", {"user_id": user_id}, user_key(user_id), stored))
        progress("user keys", done, len(spans))
