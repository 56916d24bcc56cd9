"""Notes about imports: how far a source got, of which log, and when it is forgotten."""

from __future__ import annotations

import json
from pathlib import Path

from appliance.clock import DAY_US
from appliance.config import Settings
from appliance.ingest.chunks import Chunk
from appliance.ingest.importer import Importer
from appliance.ingest.intake import Decoder
from appliance.ingest.receiver import Receiver
from appliance.ingest.sources import FileSource
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.writer import Writer
from appliance.store.control import ControlStore
from appliance.store.import_notes import KEPT_DAYS, ImportNotes
from appliance.testing import SettableClock


def _chunk(first: int, count: int, source: str = "digest", *, only_check: bool = False) -> Chunk:
    raw = [json.dumps({"event_type": "x", "user_id": f"u{number}"}).encode() for number in range(count)]
    return Chunk("a", "a", list(range(first, first + count)), raw, [None] * count, only_check, source=source)


def test_the_note_is_the_line_before_the_last_durable_chunk(tmp_path: Path) -> None:
    """It moves with each stored chunk of a source that can be resumed, belongs to one log, and goes at the end."""
    clock = SettableClock()
    log, other = DuckDBLog(None, clock), DuckDBLog(None, clock)
    writer = Writer(log, clock)
    writer.start()
    with ControlStore(tmp_path / "control.sqlite") as store:
        notes = ImportNotes(store, clock)
        importer = Importer(Decoder(Settings(), clock), log, writer)
        receiver = Receiver(importer, notes)
        reached = [receiver.begin("digest", from_start=False)]
        for chunk in (_chunk(1, 10), _chunk(11, 10), _chunk(21, 9, only_check=True), _chunk(21, 9, "")):
            receiver.take(chunk)
            reached.append(receiver.begin("digest", from_start=False))
        assert [0, 0, 10, 10, 10] == reached
        elsewhere = Receiver(Importer(importer.decoder, other, writer), notes)
        assert 0 == elsewhere.begin("digest", from_start=False)
        assert 0 == receiver.begin("digest", from_start=True) == receiver.begin("digest", from_start=False)
        receiver.take(_chunk(11, 10))
        receiver.finish("digest")
        assert 0 == receiver.begin("digest", from_start=False)
    writer.stop()
    log.close()
    other.close()


def test_a_note_that_nobody_comes_back_to_is_let_go(tmp_path: Path) -> None:
    """After 90 days, with the next note of any source."""
    clock = SettableClock()
    with ControlStore(tmp_path / "control.sqlite") as store:
        notes = ImportNotes(store, clock)
        notes.reached("old", 5)
        clock.advance((KEPT_DAYS * DAY_US) / 1e6 + 1)
        notes.reached("new", 7)
        assert (0, 7) == (notes.line("old"), notes.line("new"))


def test_a_store_that_fails_costs_only_the_note(tmp_path: Path) -> None:
    """Without its notes an import does more work, and no other harm comes to it."""
    store = ControlStore(tmp_path / "control.sqlite")
    store.close()
    notes = ImportNotes(store, SettableClock())
    notes.reached("a", 5)
    notes.forget("a")
    assert 0 == notes.line("a")


def test_a_source_is_known_by_what_is_in_it_and_how_it_is_read(tmp_path: Path) -> None:
    """Another folder or a later time makes no other source of a file; a byte at its end or another format does."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_bytes(b"x" * 200_000 + b"1")
    same = [FileSource(str(tmp_path / folder / "a.csv"), "csv").digest() for folder in ("one", "two")]
    assert 1 == len(set(same))
    assert "" == FileSource("-", "csv").digest()
    read_otherwise = FileSource(str(tmp_path / "one" / "a.csv"), "ndjson").digest()
    (tmp_path / "two" / "a.csv").write_bytes(b"x" * 200_000 + b"2")
    changed = FileSource(str(tmp_path / "two" / "a.csv"), "csv").digest()
    assert 3 == len({same[0], read_otherwise, changed})
