"""What DuckDB would drop of a write-ahead log in silence is found before it is opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.errors import LogDamaged
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.log.wal_frames import MOST_TORN_ENDS, read_frames, set_torn_end_aside
from appliance.testing import SettableClock, make_row


@pytest.fixture
def wal(tmp_path: Path) -> Path:
    """A copy of the write-ahead log of 40 commits, beside its database."""
    log = DuckDBLog(tmp_path / "live", SettableClock())
    for number in range(40):
        log.append([Batch([make_row(user_id=f"u{number}-{place}") for place in range(20)])])
    shutil.copytree(tmp_path / "live", tmp_path / "copy")
    log.close()
    return tmp_path / "copy" / "events.duckdb.wal"


def count(wal: Path) -> int:
    log = DuckDBLog(wal.parent, SettableClock())
    try:
        with log.reader() as cursor:
            found: int = cursor.execute("SELECT count(*) FROM events").fetchall()[0][0]
        return found
    finally:
        log.close()


def test_a_whole_file_is_whole(wal: Path) -> None:
    """The walk ends at the end of what this version of DuckDB writes."""
    assert read_frames(wal).is_whole
    assert 800 == count(wal)


@pytest.mark.parametrize("missing", [1, 100, 1_000])
def test_a_torn_end_is_found_and_kept(wal: Path, missing: int) -> None:
    """Whatever the crash cut off: the commits before it are there, the rest of the torn entry lies beside the log."""
    whole = wal.read_bytes()
    wal.write_bytes(whole[:-missing])
    frames = read_frames(wal)
    assert frames.has_header
    assert not frames.is_whole
    assert 780 <= count(wal) <= 800
    (aside,) = wal.parent.glob("events.duckdb.wal.torn-*")
    assert whole[frames.whole_bytes : len(whole) - missing] == aside.read_bytes()


def test_a_damaged_length_costs_nothing_but_a_look(wal: Path) -> None:
    """What follows a length that can't be is passed over by DuckDB, but not lost: it is kept beside the log."""
    whole = bytearray(wal.read_bytes())
    middle = _an_entry(wal, len(whole) // 2)
    whole[middle + 6] = 0xFF
    wal.write_bytes(whole)
    assert middle == read_frames(wal).whole_bytes
    assert count(wal) < 800
    (aside,) = wal.parent.glob("events.duckdb.wal.torn-*")
    assert bytes(whole[middle:]) == aside.read_bytes()


def _an_entry(wal: Path, near: int) -> int:
    """Where an entry begins, the last one before ``near``."""
    part = wal.with_name("part")
    part.write_bytes(wal.read_bytes()[:near])
    return read_frames(part).whole_bytes


def test_a_damaged_beginning_is_refused(wal: Path) -> None:
    """Nothing of the file could be read, so nothing is opened."""
    whole = bytearray(wal.read_bytes())
    whole[8] ^= 0xFF
    wal.write_bytes(whole)
    with pytest.raises(LogDamaged, match="its beginning is damaged"):
        DuckDBLog(wal.parent, SettableClock())
    assert whole == wal.read_bytes()


@pytest.mark.parametrize("content", [b"d\0be", b"\0" * 5_000], ids=["cut off", "unwritten"])
def test_a_beginning_that_was_never_written_holds_nothing(wal: Path, content: bytes) -> None:
    """A crash before the first commit was durable is no damage."""
    wal.write_bytes(content)
    assert 0 == count(wal)


def test_only_the_latest_torn_ends_are_kept(tmp_path: Path) -> None:
    """Crash after crash, they don't fill the disk."""
    wal = tmp_path / "events.duckdb.wal"
    wal.write_bytes(b"d\0b")
    for number in range(MOST_TORN_ENDS + 5):
        (tmp_path / f"events.duckdb.wal.torn-{number:019}").write_bytes(b"old")
    assert set_torn_end_aside(wal, read_frames(wal)) is not None
    assert MOST_TORN_ENDS == len(list(tmp_path.glob("*.torn-*")))
