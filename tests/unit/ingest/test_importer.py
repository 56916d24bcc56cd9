"""Chunks judged and stored; and an export read back is the same log again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analytics.export import ExportFormat, Selection, export_batches
from appliance.analytics.export_stream import export_file
from appliance.clock import DAY_US
from appliance.config import Settings
from appliance.ingest.chunks import Chunk, Taken, chunks
from appliance.ingest.csv_lines import csv_lines
from appliance.ingest.importer import Importer
from appliance.ingest.intake import Decoder
from appliance.ingest.lines import Line, ndjson_lines
from appliance.ingest.parquet_lines import parquet_lines
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.writer import Writer
from appliance.testing import START_US, SettableClock


@contextmanager
def _importer() -> Iterator[Importer]:
    clock = SettableClock(START_US + 10 * DAY_US)
    log = DuckDBLog(None, clock)
    writer = Writer(log, clock)
    writer.start()
    try:
        yield Importer(Decoder(Settings(), clock), log, writer)
    finally:
        writer.stop()
        log.close()


def _take(importer: Importer, *events: Any, name: str = "a.ndjson", only_check: bool = False) -> Taken:
    raw = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    numbers = list(range(1, len(raw) + 1))
    return importer.take(Chunk(name, f"in/{name}", numbers, raw, [None] * len(raw), only_check))


def _dead_letters(importer: Importer) -> list[tuple[Any, ...]]:
    with importer.log.reader() as cursor:
        return cursor.execute(
            "SELECT source, code, field, origin, payload FROM dead_letters ORDER BY origin"
        ).fetchall()


def _stored(importer: Importer) -> list[dict[str, Any]]:
    with importer.log.reader() as cursor:
        return [row for batch in export_batches(cursor, Selection()) for row in batch.to_pylist()]


EVENT = {"event_type": "email_sent", "user_id": "u1"}


def test_bad_lines_become_dead_letters_with_their_place() -> None:
    """Good lines are stored; a bad one is kept as it came, under the file and line it stood on."""
    with _importer() as importer:
        taken = _take(importer, EVENT, b"broken", EVENT | {"user_id": 1.5})
        assert (1, 0, [2, 3]) == (taken.accepted, taken.duplicates, [line.number for line in taken.refused])
        assert [
            ("import", "invalid_json", None, "in/a.ndjson:2", b"broken"),
            ("import", "wrong_type", "user_id", "in/a.ndjson:3", json.dumps(EVENT | {"user_id": 1.5}).encode()),
        ] == _dead_letters(importer)


def test_checking_stores_nothing() -> None:
    """A chunk that is only checked leaves no event and no dead letter."""
    with _importer() as importer:
        taken = _take(importer, EVENT, b"broken", only_check=True)
        assert (1, 1) == (taken.accepted, len(taken.refused))
        assert ([], []) == (_stored(importer), _dead_letters(importer))


def test_the_same_file_again_stores_nothing_and_a_mended_line_only_itself() -> None:
    """Lines without ids are known by name, number and bytes; equal lines stay apart."""
    with _importer() as importer:
        assert 2 == _take(importer, EVENT, EVENT, b"broken").accepted
        again = _take(importer, EVENT, EVENT, EVENT)
        assert (1, 2) == (again.accepted, again.duplicates)
        assert 2 == _take(importer, EVENT, EVENT, name="b.ndjson").accepted


def test_an_id_is_looked_up_in_the_whole_log() -> None:
    """An event that was stored long before the window of de-duplication is not stored again."""
    with _importer() as importer:
        old = EVENT | {"event_id": "old", "timestamp": "2025-12-30T00:00:00Z", "received_at": "2025-12-30T00:00:00Z"}
        assert 1 == _take(importer, old).accepted
        importer.log._known = importer.log._new_memory()
        taken = _take(importer, old, name="b.ndjson")
        assert (0, 1) == (taken.accepted, taken.duplicates)


def test_properties_that_grew_by_unknown_fields_come_back() -> None:
    """Two 30 KiB parts that were merged are more than one may send, but not more than an export may hold."""
    grown = EVENT | {"event_id": "x", "properties": {"a": "b" * 60_000}}
    with _importer() as importer:
        assert 1 == len(_take(importer, grown).refused)
        assert 1 == _take(importer, grown | {"received_at": "2026-01-01T00:00:00Z"}).accepted


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda text: not text.isspace()
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_EVENT = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["email_sent", "email_opened", "error", "custom.type"]),
        "user_id": _TEXT,
        "timestamp": st.integers(START_US, START_US + DAY_US),
        "received_at": st.integers(START_US, START_US + DAY_US),
        "properties": st.dictionaries(_TEXT.filter(lambda name: name != "link"), _JSON, max_size=4),
    },
    optional={"session_id": _TEXT, "campaign_id": _TEXT, "event_id": _TEXT, "extra": _JSON},
)


def _lines_of(format_name: str, content: bytes) -> Iterator[Line]:
    if format_name == "parquet":
        return parquet_lines(io.BytesIO(content))
    return (csv_lines if format_name == "csv" else ndjson_lines)([content])


@pytest.mark.parametrize("format_name", ["ndjson", "csv", "parquet"])
@settings(max_examples=25, deadline=None)
@given(events=st.lists(_EVENT, max_size=8))
def test_an_export_read_back_is_the_same_log(format_name: ExportFormat, events: list[dict[str, Any]]) -> None:
    """Export, then import into an empty log: every event returns whole, with its id and its time of receipt."""
    with _importer() as first, _importer() as second:
        taken = _take(first, *events)
        assert len(events) == taken.accepted + taken.duplicates
        pieces: list[bytes] = []
        with first.log.reader() as cursor:
            export_file(cursor, format_name, Selection(), on_count=lambda _: None, write=pieces.append)
        for chunk in chunks("x", "x", _lines_of(format_name, b"".join(pieces))):
            assert [] == second.take(chunk).refused
        assert _stored(first) == _stored(second)


def test_an_export_is_bounded_by_event_time() -> None:
    """From is included, to is not."""
    times = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
    with _importer() as importer:
        _take(importer, *({**EVENT, "timestamp": time} for time in times))
        counted: list[int] = []
        written: list[bytes] = []
        with importer.log.reader() as cursor:
            wanted = Selection(START_US + DAY_US, START_US + 2 * DAY_US)
            export_file(cursor, "ndjson", wanted, on_count=counted.append, write=written.append)
        assert [1] == counted
        assert [times[1]] == [json.loads(line)["timestamp"] for line in b"".join(written).splitlines()]
