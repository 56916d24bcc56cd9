"""Verification: recompute what is stored from the log, in plain SQL, and list what differs.

It shares no code with the follower's Polars path, so that one can't repeat the other's mistake. All of it
is one read transaction: ingest and the follower go on meanwhile, and are not seen.
"""

from __future__ import annotations

import duckdb

from appliance.clock import to_datetime
from appliance.rollups.follower import Readable
from appliance.rollups.report import Progress, VerifyReport, silent
from appliance.rollups.session import snapshot
from appliance.rollups.slices import SLICE_ENTRIES, day_spans, key_spans
from appliance.rollups.state import LEVELS, State, load
from appliance.rollups.verify_log import check_log
from appliance.sql import queries

_SQL = queries("appliance.rollups", "verify.sql")
_NOTHING_STORED = State(cursor=0, generation=0, levels=frozenset(), minute_from_us=0)


def verify(log: Readable, *, progress: Progress = silent, slice_entries: int = SLICE_ENTRIES) -> VerifyReport:
    """Compare rollups and first times with the log up to the follower's cursor, and check the log itself.

    Memory is bounded by ``slice_entries`` and by the busiest day's buckets. Blocks for about two seconds per
    million events. Raises what the log raises.
    """
    report = VerifyReport()
    with log.reader() as cursor, snapshot(cursor):
        state = load(cursor) or _NOTHING_STORED
        report.events, report.behind, firsts = cursor.execute(_SQL["extent"], {"cursor": state.cursor}).fetchall()[0]
        check_log(cursor, report, report.events + report.behind, progress, slice_entries)
        _check_buckets(cursor, state, report, progress, slice_entries)
        _check_firsts(cursor, state, report, list(key_spans(report.events + firsts, slice_entries)), progress)
    return report


def firsts_values(state: State, low: int, high: int) -> dict[str, object]:
    """The values of the query ``firsts``, but for ``most``."""
    expired_us = state.expired_before_us
    expired_before = "-infinity" if expired_us is None else _text(expired_us)
    return {"cursor": state.cursor, "low": low, "high": high, "expired_before": expired_before}


def _check_buckets(
    cursor: duckdb.DuckDBPyConnection, state: State, report: VerifyReport, progress: Progress, most: int
) -> None:
    days = cursor.execute(_SQL["days"], {"cursor": state.cursor}).fetchall()
    done, total = 0, sum(entries for _, entries in days)
    for level in LEVELS:
        report.checks[f"rollup_{level}"] = 0
    for from_us, to_us, entries in day_spans(days, most):
        for level in LEVELS:
            values = {"cursor": state.cursor, "from_us": from_us, "to_us": to_us}
            complete_from = _complete_from(state, level)
            sql = _SQL["buckets"].format(level=level)
            report.collect(f"rollup_{level}", cursor, sql, {**values, "complete_from": complete_from})
        done += entries
        progress("rollups", done, total)


def _text(instant_us: int) -> str:
    return to_datetime(instant_us).replace(tzinfo=None).isoformat(" ")


def _complete_from(state: State, level: str) -> str:
    """From when the level must hold the log's events, as SQL reads it; one that isn't stored must hold none."""
    if level not in state.levels:
        return "infinity"
    return _text(state.minute_from_us) if level == "minute" else "-infinity"


def _check_firsts(
    cursor: duckdb.DuckDBPyConnection,
    state: State,
    report: VerifyReport,
    spans: list[tuple[int, int]],
    progress: Progress,
) -> None:
    for done, (low, high) in enumerate(spans, start=1):
        report.collect("first_seen", cursor, _SQL["firsts"], firsts_values(state, low, high))
        progress("first times", done, len(spans))
