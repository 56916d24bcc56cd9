"""What the DuckDB log promises beyond the contract: restarts, faults, space, narrow keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from appliance.clock import DAY_US
from appliance.errors import LogDamaged, LogUnavailable, StorageFull
from appliance.events.rejection import DeadLetter
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.group import Group, Incoming
from appliance.log.protocol import Batch
from appliance.testing import START_US, SettableClock, make_row


def _open(folder: Path, clock: SettableClock | None = None, **options: Any) -> DuckDBLog:
    return DuckDBLog(folder, clock or SettableClock(), LogOptions(**options))


def _count(log: DuckDBLog, table: str = "events") -> int:
    with log.reader() as cursor:
        return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_ids_are_known_after_a_restart(tmp_path: Path) -> None:
    """De-duplication is durable: the memory of ids is filled from the log when it opens."""
    log = _open(tmp_path)
    log.append([Batch([make_row(event_id="x"), make_row(event_id="y")])])
    log.close()
    log = _open(tmp_path)
    (receipt,) = log.append([Batch([make_row(event_id="y"), make_row(event_id="z")])])

    assert (1, 1) == (receipt.accepted, receipt.duplicates)
    log.close()


def test_the_identity_survives_a_restart(tmp_path: Path) -> None:
    """A position stays good over a restart: the log is the same log."""
    log = _open(tmp_path)
    log.append([Batch([make_row()])])
    before = log.tail()
    log.close()
    log = _open(tmp_path)

    assert before == log.tail()
    log.close()


def test_ids_beyond_the_window_are_forgotten_but_never_the_fewest(tmp_path: Path) -> None:
    """After the window an id may come again, unless it is among the latest that always stay known."""
    clock = SettableClock()
    log = _open(tmp_path, clock, dedup_window_us=DAY_US, dedup_fewest=1)
    log.append([Batch([make_row(event_id=str(number)) for number in range(8)])])
    clock.advance(2 * 86_400)
    log.append([Batch([make_row(event_id="late")])])
    forgotten, kept = log.append([Batch([make_row(event_id="0")]), Batch([make_row(event_id="late")])])

    assert 1 == forgotten.accepted
    assert 1 == kept.duplicates
    log.close()


def test_an_import_looks_through_the_whole_log(tmp_path: Path) -> None:
    """A batch marked so finds a duplicate that the window has forgotten."""
    clock = SettableClock()
    log = _open(tmp_path, clock, dedup_window_us=DAY_US, dedup_fewest=1)
    log.append([Batch([make_row(event_id=str(number)) for number in range(8)])])
    clock.advance(2 * 86_400)
    log.append([Batch([make_row(event_id="late")])])
    (receipt,) = log.append([Batch([make_row(event_id="0")], whole_log=True)])

    assert 1 == receipt.duplicates
    log.close()


def test_ids_with_one_fingerprint_are_told_apart(tmp_path: Path) -> None:
    """Two ids whose low halves agree are two events: a fingerprint alone never makes a duplicate."""
    log = _open(tmp_path)
    one, other = b"\x01" * 8 + b"\x07" * 8, b"\x02" * 8 + b"\x07" * 8
    first = log.append([Batch([(one, True, *make_row()[2:])])])
    second = log.append([Batch([(other, True, *make_row()[2:]), (one, True, *make_row()[2:])])])

    assert 1 == first[0].accepted
    assert (1, 1) == (second[0].accepted, second[0].duplicates)
    log.close()


def test_custom_types_keep_their_keys(tmp_path: Path) -> None:
    """A custom type's narrow key is given out once and is the same after a restart."""
    log = _open(tmp_path)
    log.append([Batch([make_row("signup"), make_row("purchase")])])
    log.close()
    log = _open(tmp_path)
    log.append([Batch([make_row("purchase"), make_row("trial")])])
    with log.reader() as cursor:
        keys = cursor.execute("SELECT DISTINCT event_type, type_key FROM events ORDER BY type_key").fetchall()

    assert [("signup", 100), ("purchase", 101), ("trial", 102)] == keys
    log.close()


def test_dead_letters_lie_in_the_same_transaction(tmp_path: Path) -> None:
    """A batch that can't be stored leaves no dead letter either."""
    log = _open(tmp_path)
    letter = DeadLetter(START_US, "http", "wrong_type", "user_id", "send text", b"\x00\xff")
    log.append([Batch([make_row()], [letter])])
    broken = (b"short", *make_row()[1:])
    with pytest.raises(Exception, match=r"buffer|bytes|size"):
        log.append([Batch([broken], [letter])])

    assert (1, 1) == (_count(log), _count(log, "dead_letters"))
    log.close()


def test_too_little_room_refuses_and_recovers(tmp_path: Path) -> None:
    """Below the free bytes asked for nothing is stored; with room again appending goes on by itself."""
    clock = SettableClock()
    log = _open(tmp_path, clock)
    log.space._min_free_bytes = 1 << 62
    clock.advance(1)
    with pytest.raises(StorageFull):
        log.append([Batch([make_row()])])
    log.space._min_free_bytes = 0

    assert 1 == log.append([Batch([make_row()])])[0].accepted
    log.close()


def _failing_after_commit(fault: duckdb.Error) -> Callable[[Group, duckdb.DuckDBPyConnection, Incoming], None]:
    """Store the group and then raise what DuckDB raises when the checkpoint after a commit fails."""
    write = Group.write

    def write_and_fail(group: Group, cursor: duckdb.DuckDBPyConnection, incoming: Incoming) -> None:
        write(group, cursor, incoming)
        raise fault

    return write_and_fail


def test_a_commit_that_raised_but_is_durable_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After "COMMIT succeeded but the checkpoint failed" the file is asked, and the batch counts as stored, once."""
    log = _open(tmp_path)
    fault = duckdb.FatalException("COMMIT succeeded and is durable, but the autocheckpoint failed")
    monkeypatch.setattr(Group, "write", _failing_after_commit(fault))
    (receipt,) = log.append([Batch([make_row(event_id="x")])])
    monkeypatch.undo()
    (again,) = log.append([Batch([make_row(event_id="x"), make_row(event_id="y")])])

    assert 1 == receipt.accepted
    assert (1, 1) == (again.accepted, again.duplicates)
    assert 2 == _count(log)
    assert 2 == log.tail().seq
    log.close()


def test_a_commit_that_raised_and_is_not_there_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fatal fault before the commit: an error for the sender, nothing stored, and the next batch goes in."""
    log = _open(tmp_path)

    def fail(_group: Group, _cursor: duckdb.DuckDBPyConnection, _incoming: Incoming) -> None:
        raise duckdb.IOException("disk trouble")

    monkeypatch.setattr(Group, "write", fail)
    with pytest.raises(LogUnavailable):
        log.append([Batch([make_row(event_id="x")])])
    monkeypatch.undo()
    (receipt,) = log.append([Batch([make_row(event_id="x")])])

    assert (1, 0) == (receipt.accepted, receipt.duplicates)
    assert 1 == _count(log)
    log.close()


def test_a_second_process_is_told_that_the_folder_is_in_use(tmp_path: Path) -> None:
    """Another process gets ``LogInUse``, whose message says what to do."""
    log = _open(tmp_path)
    script = (
        "import sys, pathlib\n"
        "from appliance.log.database import Database\n"
        "from appliance.errors import LogInUse\n"
        "try:\n"
        "    Database(pathlib.Path(sys.argv[1]))\n"
        "except LogInUse as fault:\n"
        "    print(fault.message)\n"
    )
    told = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)

    assert "--data" in told.stdout
    log.close()


def test_a_broken_wal_is_refused_and_kept(tmp_path: Path) -> None:
    """A write-ahead log that can't be replayed stops the start; not a byte of it is touched."""
    log = _open(tmp_path)
    log.append([Batch([make_row(user_id=f"u{number}") for number in range(500)])])
    wal = tmp_path / "events.duckdb.wal"
    content = bytearray(wal.read_bytes())
    log.database.close()
    content[len(content) // 2] ^= 0xFF
    wal.write_bytes(content)
    with pytest.raises(LogDamaged, match="Nothing was deleted"):
        _open(tmp_path)

    assert bytes(content) == wal.read_bytes()


def test_a_foreign_file_is_refused_and_kept(tmp_path: Path) -> None:
    """A file that is no DuckDB database stops the start and stays as it is."""
    (tmp_path / "events.duckdb").write_bytes(b"not a database" * 1_000)
    with pytest.raises(LogDamaged, match="Nothing was deleted"):
        _open(tmp_path)

    assert b"not a database" * 1_000 == (tmp_path / "events.duckdb").read_bytes()


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    """A folder written by a later version is not opened by this one."""
    log = _open(tmp_path)
    log.database.cursor().execute("UPDATE log_identity SET schema_version = 99")
    log.close()
    with pytest.raises(LogDamaged, match="later version"):
        _open(tmp_path)
